"""`smi webhook`: who converts for an API server."""

from pathlib import Path
from typing import Annotated

import typer

from smi.errors import MissingExtra


def webhook(
    *,
    cert: Annotated[
        Path, typer.Option(metavar="FILE", help="PEM certificate, with those that sign it.")
    ],
    key: Annotated[Path, typer.Option(metavar="FILE", help="PEM key of the certificate.")],
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 is any free one.")
    ] = "0.0.0.0:8443",
) -> None:
    """Convert objects between versions for an API server, over TLS, until it is stopped.

    Its address stands in `smi crds --webhook-service` or `--webhook-url`. Certificate and key are
    read again when their files change. POST /convert converts, GET /healthz says that it is there.

    Example: smi webhook --cert tls.crt --key tls.key --address 127.0.0.1:8443
    """
    # `smi --help` must not wait for the server, and without its extra must not fail.
    try:
        from smi.cli.webhooks import serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f"the webhook needs {error.name}: pip install 'smi-mesh[controller]'"
        raise MissingExtra(message) from error
    serve(cert, key, address)
