"""`smi explain`: what becomes of one request, and why."""

from pathlib import Path
from typing import Annotated

import typer

from smi.cli.options import DefaultMode, TrustDomain

_NOT_REACHED = 3


def explain(
    filename: Annotated[
        Path,
        typer.Option(
            "--filename", "-f", help="A manifest, a directory of them, or - for standard input."
        ),
    ],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="Who asks: ns/serviceaccount, pod/ns/name, a SPIFFE ID, or none (no certificate).",
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="Whom: ns/service:port; or pod/ns/name:port, sa/ns/name:port (the pod's port).",
        ),
    ],
    *,
    protocol: Annotated[
        str, typer.Option(metavar="http|h2|tcp|udp", help="What is spoken.")
    ] = "http",
    method: Annotated[str, typer.Option(metavar="M", help="The HTTP method.")] = "GET",
    path: Annotated[
        str, typer.Option(metavar="P", help="The request target, as on the wire.")
    ] = "/",
    authority: Annotated[
        str, typer.Option(metavar="H", help="The Host header; name.namespace by default.")
    ] = "",
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="A header; once for each, in the order sent."),
    ] = None,
    trust_domain: TrustDomain = "cluster.local",
    default_mode: DefaultMode = "strict",
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="text|json", help="The form of the answer.")
    ] = "text",
) -> None:
    """Say whether a request would reach the application, where it goes, and why.

    Nothing is sent: the answer comes from the manifests alone. Exit code 0 if it would reach the
    application at every destination, 3 if not, 1 if the question or the manifests cannot be read.

    Example: smi explain -f examples/shop --from shop/front --to shop/catalog:80 --path /items
    """
    # `smi --help` must not wait for all that a mesh needs.
    from smi.cli.question import ask, written_request  # noqa: PLC0415
    from smi.cli.wide import mesh_wide  # noqa: PLC0415

    request = written_request(source, target, protocol, method, path, authority, header or [])
    if not ask(filename, request, output, mesh_wide(trust_domain, default_mode)):
        raise typer.Exit(_NOT_REACHED)
