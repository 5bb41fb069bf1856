"""`smi run`: a whole mesh on this machine."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from smi.cli.options import DefaultMode, TrustDomain


class Output(StrEnum):
    """How the traffic is printed."""

    TABLE = "table"
    JSON = "json"


def run(
    filename: Annotated[
        Path,
        typer.Option("--filename", "-f", help="A manifest, or a directory of them.", exists=True),
    ],
    *,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="A table, or a JSON object every second.")
    ] = Output.TABLE,
    quiet_logs: Annotated[
        bool, typer.Option("--quiet-logs", help="Do not print what applications write.")
    ] = False,
    duration: Annotated[
        float | None, typer.Option(help="End by itself after so many seconds.", min=0)
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Where the run keeps keys, sockets and its lock.")
    ] = None,
    trust_domain: TrustDomain = "cluster.local",
    default_mode: DefaultMode = "strict",
    backend: Annotated[str, typer.Option(help="The data plane.")] = "envoy",
) -> None:
    """Run a mesh on this machine, from ordinary Kubernetes manifests.

    Every pod of a Deployment becomes a local process (command, args, env) with a sidecar of its
    own. Applications listen on $PORT and call each other by name over $HTTP_PROXY. Edited
    manifests take effect at once. Ctrl-C stops everything.

    Example: smi run -f examples/shop
    """
    # `smi --help` must not wait for all that a mesh needs.
    from smi.cli.machine import run_here  # noqa: PLC0415
    from smi.cli.wide import mesh_wide  # noqa: PLC0415

    run_here(
        filename,
        state_dir,
        backend,
        mesh_wide(trust_domain, default_mode),
        as_json=output is Output.JSON,
        quiet=quiet_logs,
        duration=duration,
    )
