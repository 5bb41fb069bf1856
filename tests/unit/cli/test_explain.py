import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smi.cli.main import app
from tests.fakes.shop_yaml import (
    SHOP,
)


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_colours_are_only_for_those_who_want_them(
    tmp_path: Path, variable: str, coloured: bool
) -> None:
    (tmp_path / "mesh.yaml").write_text(SHOP)
    program = (
        "import sys; from smi.cli.main import main\n"
        "try: main()\n"
        "finally: assert not {'grpc', 'aiohttp', 'smi_envoy'} & sys.modules.keys()"
    )
    question = ("explain", "-f", "mesh.yaml", "--from", "shop/web", "--to", "shop/api:80")
    ended = subprocess.run(
        [sys.executable, "-c", program, *question],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "TERM": "xterm", "PYTHONPATH": str(Path.cwd()), variable: "1"},
    )
    assert (ended.returncode, ended.stderr) == (3, "")
    assert ("\x1b[" in ended.stdout) is coloured


def test_help_has_an_example_and_the_exit_codes() -> None:
    output = CliRunner().invoke(app, ["explain", "--help"]).output
    assert "Example: smi explain -f examples/shop" in output
    assert "Exit code 0" in output
