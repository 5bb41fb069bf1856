"""`smi`: the commands together, and how their errors reach the user."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from smi import __version__
from smi.cli import compile as compile_command
from smi.cli import convert as convert_command
from smi.cli import crds as crds_command
from smi.cli import exec as exec_command
from smi.cli import explain as explain_command
from smi.cli import run as run_command
from smi.cli import validate as validate_command
from smi.cli import webhook as webhook_command
from smi.errors import SmiError

app = typer.Typer(
    name="smi",
    help="A service mesh whose whole interface is the Service Mesh Interface.",
    epilog="Start with: smi run -f examples/shop",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run_command.run)
app.command("exec", context_settings={"allow_interspersed_args": False})(exec_command.execute)
app.command("explain")(explain_command.explain)
app.command("compile")(compile_command.compile_mesh)
app.command("validate")(validate_command.validate)
app.command("convert")(convert_command.convert)
app.command("crds")(crds_command.crds)
app.command("webhook")(webhook_command.webhook)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"smi {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """The options of `smi` itself."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that `arguments` (by default the process's own) name, and end the process.

    Exit code 1 and a message on standard error for what the user can mend, 2 for wrong usage;
    `explain` says 1 for that too, since programs read 0, 3 and 1 from it.
    """
    words = sys.argv[1:] if arguments is None else arguments
    try:
        app(arguments)
    except SystemExit as end:
        sys.exit(1 if end.code == 2 and list(words[:1]) == ["explain"] else end.code)
    except SmiError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(1)
