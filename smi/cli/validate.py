"""`smi validate`: what is wrong with manifests, and where."""

from pathlib import Path
from typing import Annotated

import typer


def validate(
    filename: Annotated[
        Path,
        typer.Option(
            "--filename", "-f", help="A manifest, a directory of them, or - for standard input."
        ),
    ],
    *,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="text|json", help="The form of the findings.")
    ] = "text",
) -> None:
    """Say what is wrong with manifests, which line it is, and what to write instead.

    Every version of every kind is read. Exit code 1 if anything is an error: part of an object
    has no effect. What is only not there may be elsewhere, and is a warning.

    Example: smi validate -f examples/shop
    Example: kubectl get traffictargets -A -o yaml | smi validate -f - -o json
    """
    # `smi --help` must not wait for all that reads manifests.
    from smi.cli.validation import print_findings  # noqa: PLC0415

    if not print_findings(filename, output):
        raise typer.Exit(1)
