"""`smi exec`: a command that runs as a workload of a running mesh."""

from pathlib import Path
from typing import Annotated

import typer


def execute(
    workload: Annotated[
        str, typer.Argument(help="A pod, or what owns it: shop/front-0, shop/front.")
    ],
    command: Annotated[list[str], typer.Argument(help="What to run, after --.")],
    *,
    state_dir: Annotated[
        Path | None, typer.Option(help="The state directory of the smi run to join.")
    ] = None,
) -> None:
    """Run a command as a workload of a running smi run: with its variables, over its sidecar.

    Ends with the command's own exit code.

    Example: smi exec shop/front -- curl http://catalog/items
    """
    # `smi --help` must not wait for all that a mesh needs.
    from smi.cli.join import execute_as  # noqa: PLC0415

    execute_as(workload, command[1:] if command[0] == "--" else command, state_dir)
