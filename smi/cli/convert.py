"""`smi convert`: manifests at another version of the specification."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    filename: Annotated[
        Path, typer.Option("--filename", "-f", help="A manifest, or - for standard input.")
    ],
    version: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="VERSION",
            help="v1alpha2, or with its group split.smi-spec.io/v1alpha2 to leave others alone.",
        ),
    ],
) -> None:
    """Print manifests with the objects of SMI at another version.

    What that version cannot hold waits in annotations, and comes back when it is converted back.
    Documents that do not convert are printed as they are written, the others without comments.

    Example: smi convert -f split.yaml --to split.smi-spec.io/v1alpha2 | kubectl apply -f -
    """
    # `smi --help` must not wait for all that reads manifests.
    from smi.cli.conversion import print_converted  # noqa: PLC0415

    print_converted(filename, version)
