"""What the documentation shows works, and what it points at is there."""

import io
import json
import re
import shlex
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smi import scheme
from smi.cli.main import app, main
from tests.pages import KIND_PAGES, PAGES, ROOT, Block, blocks, files, read_fields, written_fields


def _named(block: Block) -> str:
    return f"{block.page.stem}-{block.number}"


@pytest.mark.parametrize("block", blocks("python"), ids=_named)
def test_python_of_a_page_runs_and_prints_what_it_says(
    block: Block, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    program = compile(block.text, block.page.name, "exec")
    if block.said.startswith("cluster"):
        return  # the tests of the API server run it
    exec(program, {})
    shown = iter(capsys.readouterr().out.splitlines())
    for line in re.findall(r"^ *print\(.*\)  # (.+)$", block.text, flags=re.MULTILINE):
        assert line in shown


@pytest.mark.parametrize("block", blocks("yaml"), ids=_named)
def test_yaml_of_a_page_is_sound_or_wrong_as_it_says(block: Block) -> None:
    result = CliRunner().invoke(app, ("validate", "-f", "-", "-o", "json"), input=block.text)
    found = [" ".join(map(str, finding.values())) for finding in json.loads(result.stdout)]
    mistake = block.said.removeprefix("mistake: ")
    if mistake == block.said:
        assert result.exit_code == 0, found
    else:
        assert any(mistake in finding for finding in found), found


@pytest.mark.parametrize("block", blocks("console"), ids=_named)
def test_commands_of_a_page_print_what_it_shows(
    block: Block,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for name, text in files(block.page).items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    for said in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = said.partition("\n")
        smi, *words = shlex.split(command)
        assert smi == "smi"
        with pytest.raises(SystemExit):
            main(words)
        captured = capsys.readouterr()
        lines = [line.rstrip() for line in (captured.out + captured.err).splitlines()]
        assert _is_shown(shown.splitlines(), lines), "\n".join(lines)


def _is_shown(shown: list[str], lines: list[str]) -> bool:
    """Whether a page shows these lines; `...` on a line stands for any number of them."""
    escaped = [re.sub(r"([\[*?])", r"[\1]", line) for line in shown]
    pattern = "\n".join("*" if line == "..." else line for line in escaped)
    return fnmatchcase("\n".join(lines), pattern)


@pytest.mark.parametrize("page", KIND_PAGES, ids=lambda page: page.stem)
def test_table_of_a_kind_says_what_its_classes_read(page: Path) -> None:
    assert written_fields(page) == read_fields(page.stem)


def test_every_kind_has_a_page() -> None:
    kinds = {kind.kind for kind in scheme.kinds() if "smi-spec.io/" in kind.api_version}
    # A list of a kind is on the page of the kind.
    assert [page.stem for page in KIND_PAGES] == sorted(
        kind for kind in kinds if kind.removesuffix("List") not in kinds - {kind}
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    missing = [
        link
        for link in links
        if not link.startswith("https://") and not (page.parent / link).exists()
    ]
    assert not missing


def shown(name: str, table: str) -> list[list[str]]:
    """The tests that each row names, in the last column of the page's tables that begin so."""
    page = (ROOT / "docs" / name).read_text()
    found = re.findall(rf"^\| {table}.*\n\|[-|]+\n((?:\|.*\n)+)", page, flags=re.MULTILINE)
    rows = "".join(found).splitlines()
    return [re.findall(r"`(test_\w+)`", row.rstrip("|").rpartition("|")[2]) for row in rows]


@pytest.mark.parametrize(
    ("page", "table", "least"),
    [
        ("security.md", "threat ", 30),
        ("protocols.md", "protocol ", 14),
        ("protocols.md", "limit ", 5),
        ("protocols.md", "what is said ", 5),
        ("protocols.md", "what is declared ", 3),
    ],
)
def test_every_row_that_claims_something_names_tests_that_exist(
    page: str, table: str, least: int
) -> None:
    written = "".join(file.read_text() for file in ROOT.glob("tests/**/test_*.py"))
    there = set(re.findall(r"^ *(?:async )?def (test_\w+)", written, flags=re.MULTILINE))
    rows = shown(page, table)
    assert len(rows) >= least
    assert all(rows)
    assert there.issuperset(test for row in rows for test in row)
