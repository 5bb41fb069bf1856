from base64 import b64decode
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from smi import crds
from smi.cli.main import app, main


def test_definitions_are_yaml_that_every_tool_reads() -> None:
    result = CliRunner().invoke(app, ("crds",))
    assert result.exit_code == 0
    assert tuple(yaml.safe_load_all(result.stdout)) == crds.definitions()
    assert "&id" not in result.stdout


def test_who_converts_may_be_a_service_or_an_address(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("PEM")
    service = ("--webhook-service", "smi-mesh/controller", "--ca-bundle", str(bundle))
    for options in (service, ("--webhook-url", "https://127.0.0.1:1/convert")):
        result = CliRunner().invoke(app, ("crds", *options))
        (target, *_) = yaml.safe_load_all(result.stdout)
        client = target["spec"]["conversion"]["webhook"]["clientConfig"]
        if "service" in client:
            assert (client["service"]["namespace"], client["service"]["name"]) == (
                "smi-mesh",
                "controller",
            )
            assert b64decode(client["caBundle"]) == b"PEM"
        else:
            assert client == {"url": "https://127.0.0.1:1/convert"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--webhook-service", "controller"], "as NAMESPACE/NAME, not controller"),
        (["--webhook-service", "/controller"], "as NAMESPACE/NAME, not /controller"),
        (["--webhook-service", "smi-mesh/"], "as NAMESPACE/NAME, not smi-mesh/"),
        (["--webhook-url", "http://x"], "asks by https only, not http://x"),
        (["--webhook-service", "a/b", "--webhook-url", "https://x"], "not both"),
        (["--ca-bundle", __file__], "write --webhook-service too"),
    ],
)
def test_who_converts_is_named_fully(
    options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["crds", *options])
    assert ended.value.code == 1
    assert told in capsys.readouterr().err
