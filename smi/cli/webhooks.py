"""The webhooks as a process: from its start to a signal."""

import asyncio
import signal
from pathlib import Path

import typer

from smi.errors import InvalidRequest, SmiError
from smi.webhook.certificate import Certificate
from smi.webhook.server import serving

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(cert: Path, key: Path, address: str) -> None:
    """Serve at `address` until a signal; what is being answered then is answered.

    Raises SmiError for files that are no certificate and key, and an address that is not free.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        message = f"write --address as HOST:PORT, not {address}"
        raise InvalidRequest(message)
    certificate = Certificate(cert, key)
    try:
        asyncio.run(_until_stopped(host.strip("[]"), int(port), certificate))
    except OSError as error:
        message = f"cannot listen at {address}: {error.strerror or error}"
        raise SmiError(message) from None


async def _until_stopped(host: str, port: int, certificate: Certificate) -> None:
    stop = asyncio.Event()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(host, port, certificate) as chosen:
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"converts at https://{shown}:{chosen}/convert")
        await stop.wait()
