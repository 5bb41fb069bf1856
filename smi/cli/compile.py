"""`smi compile`: what the manifests mean, before any proxy is told."""

from pathlib import Path
from typing import Annotated

import typer

from smi.cli.options import DefaultMode, TrustDomain


def compile_mesh(
    filename: Annotated[
        Path,
        typer.Option(
            "--filename", "-f", help="A manifest, a directory of them, or - for standard input."
        ),
    ],
    *,
    proxy: Annotated[
        str | None,
        typer.Option(metavar="NS/POD", help="The configuration of this pod's proxy instead."),
    ] = None,
    trust_domain: TrustDomain = "cluster.local",
    default_mode: DefaultMode = "strict",
    backend: Annotated[str, typer.Option(help="The data plane whose proxy it is.")] = "envoy",
) -> None:
    """Print the mesh that manifests describe as YAML, or one proxy's configuration as JSON.

    What is wrong in the manifests goes to standard error, a line each. A proxy is configured as
    it would be by smi run; private keys are left out.

    Example: smi compile -f examples/shop --proxy shop/front-0
    """
    # `smi --help` must not wait for all that a mesh needs.
    from smi.cli.backends import local_backend  # noqa: PLC0415
    from smi.cli.view import print_mesh, print_proxy  # noqa: PLC0415
    from smi.cli.wide import mesh_wide  # noqa: PLC0415

    wide = mesh_wide(trust_domain, default_mode)
    if proxy is None:
        print_mesh(filename, wide)
    else:
        print_proxy(filename, proxy, local_backend(backend), wide)
