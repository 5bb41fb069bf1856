import subprocess
import sys

import pytest
from typer.testing import CliRunner

from smi import __version__
from smi.cli.main import app, main


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"smi {__version__}\n"


@pytest.mark.parametrize("command", ["run", "exec"])
def test_help_of_a_command_has_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: smi {command}" in result.output


def test_help_waits_for_no_data_plane() -> None:
    program = (
        "import sys; from smi.cli.main import app; "
        "print({'grpc', 'aiohttp', 'smi.compiler', 'smi_envoy'} & sys.modules.keys())"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert output.stdout == b"set()\n"


def test_an_error_is_a_message_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "-f", ".", "--backend", "nobody"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: there is no backend 'nobody'; installed: ")


def test_wrong_usage_is_exit_code_2() -> None:
    result = CliRunner().invoke(app, ["run", "-f", "/no/such/place"])
    assert result.exit_code == 2


@pytest.mark.parametrize(("command", "code"), [("explain", 1), ("run", 2)])
def test_explain_says_one_for_wrong_usage_too(command: str, code: int) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--no-such-option"])
    assert end.value.code == code
