from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smi.cli.main import app, main
from smi.errors import SmiError

SPLIT = """\
apiVersion: split.smi-spec.io/v1alpha1
kind: TrafficSplit
metadata: {name: web}
spec:
  service: web
  backends: [{service: v1, weight: 500m}, {service: v2, weight: 1}]
"""
ROUTE = """\
apiVersion: specs.smi-spec.io/v1alpha4
kind: UDPRoute
metadata: {name: dns}
spec: {matches: {ports: [53]}}
"""


def convert(text: str, version: str) -> Result:
    return CliRunner().invoke(app, ("convert", "-f", "-", "--to", version), input=text)


def test_manifests_come_out_at_the_version() -> None:
    result = convert(SPLIT, "v1alpha4")
    assert result.exit_code == 0
    assert "apiVersion: split.smi-spec.io/v1alpha4\n" in result.stdout
    assert "weight: 2\n" in result.stdout
    assert convert(result.stdout, "v1alpha1").stdout.count("500m") == 1


def test_kind_without_the_version_is_told() -> None:
    result = convert(ROUTE, "v1alpha2")
    assert (result.exit_code, result.stdout) == (0, ROUTE)
    assert result.stderr == ("note: UDPRoute has no v1alpha2: left at specs.smi-spec.io/v1alpha4\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SPLIT.replace("500m", "half"), "<stdin>:6: TrafficSplit default/web: spec.backends[0]"),
        (": [", "<stdin>:1: is not YAML"),
    ],
)
def test_what_cannot_be_read_is_not_converted(
    text: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "split.yaml"
    file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["convert", "-f", str(file), "--to", "v1alpha4"])
    output = capsys.readouterr()
    assert (ended.value.code, output.out) == (1, "")
    assert told.replace("<stdin>", str(file)) in output.err


def test_what_is_wrong_with_others_does_not_matter() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {}\n"
    assert convert(pod, "v1alpha4").stdout == pod


@pytest.mark.parametrize("command", [("validate",), ("convert", "--to", "v1alpha2"), ("compile",)])
def test_input_that_is_no_text_is_told(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, (*command, "-f", "-"), input=b"a: \xff\n")
    assert isinstance(result.exception, SmiError)
    assert "cannot be read: it is not text in UTF-8" in str(result.exception)


def test_file_that_cannot_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"\xff")
    for path, told in ((tmp_path / "gone", "No such file"), (bad, "not text in UTF-8")):
        with pytest.raises(SystemExit):
            main(["convert", "-f", str(path), "--to", "v1alpha4"])
        assert told in capsys.readouterr().err
