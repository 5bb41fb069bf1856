"""What the documentation shows works, and what it points at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")])


def programs() -> list[tuple[str, str]]:
    return [
        (page.name, code)
        for page in PAGES
        for code in re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    ]


@pytest.mark.parametrize(("page", "code"), programs())
def test_python_of_a_page_runs(
    page: str, code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(code, page, "exec"), {})
    assert capsys.readouterr().out.startswith("allow\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    missing = [
        link
        for link in links
        if not link.startswith("https://") and not (page.parent / link).exists()
    ]
    assert not missing


def test_every_threat_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    written = "".join(file.read_text() for file in ROOT.glob("tests/**/test_*.py"))
    there = set(re.findall(r"^ *(?:async )?def (test_\w+)", written, flags=re.MULTILINE))
    table = r"^\| threat .*\n\|[-|]+\n((?:\|.*\n)+)"
    rows = "".join(re.findall(table, page, flags=re.MULTILINE)).splitlines()
    assert len(rows) > 30
    for row in rows:
        shown_by = re.findall(r"`(test_\w+)`", row.split("|")[3])
        assert shown_by, row
        assert there.issuperset(shown_by), row
