"""Bytes to a door, and what becomes of them."""

import asyncio
import re
import ssl
from collections.abc import Callable
from typing import NamedTuple

from tests.integration.envoy.harness import Lab
from tests.integration.envoy.witness import Way

QUIET = 0.15  # seconds without a byte after an answer: nothing more is to come
PATIENCE = 5.0  # seconds within which whatever is no beginning of a request is answered or closed
HANDSHAKE = 3.0  # seconds; who does not answer one by then will not

_STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})[^\r\n]*\r$", re.MULTILINE)


class Door(NamedTuple):
    """Where bytes are sent, and under which certificate and server name."""

    address: str
    port: int
    tls: ssl.SSLContext | None = None
    sni: str = "http.smi-mesh"


def door(running: Lab, way: Way, caller: str) -> Door:
    """Where `caller` speaks HTTP/1."""
    return Door(*way.to(running, caller))


def http2_door(running: Lab, way: Way, caller: str) -> Door:
    """Where `caller` speaks HTTP/2."""
    found = door(running, way, caller)
    if found.tls:
        found.tls.set_alpn_protocols(["h2"])
    return found


class Outcome(NamedTuple):
    """All that came back, and whether the connection was closed from the other side."""

    data: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """The statuses of HTTP/1 answers."""
        return [int(status) for status in _STATUS.findall(self.data)]

    @property
    def is_hang(self) -> bool:
        """Whether there was no answer and no end."""
        return not (self.closed or self.data)


async def send(
    door: Door,
    *pieces: bytes,
    patience: float = PATIENCE,
    is_answer: Callable[[bytes], bool] = bool,
) -> Outcome:
    """Say `pieces` one after the other; what is answered until nothing more is to come.

    `is_answer` says whether what came back so far is one.
    """
    try:
        reader, writer = await asyncio.open_connection(
            door.address,
            door.port,
            ssl=door.tls,
            server_hostname=door.sni if door.tls else None,
            ssl_handshake_timeout=HANDSHAKE if door.tls else None,
        )
    except (OSError, ssl.SSLError):
        return Outcome(b"", closed=True)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01 if len(pieces) > 1 else 0)
        return await _answers(reader, patience, is_answer)
    except (OSError, ssl.SSLError):
        return Outcome(b"", closed=True)
    finally:
        writer.transport.abort()


async def _answers(
    reader: asyncio.StreamReader, patience: float, is_answer: Callable[[bytes], bool]
) -> Outcome:
    found = b""
    try:
        while True:
            async with asyncio.timeout(QUIET if is_answer(found) else patience):
                data = await reader.read(65536)
            if not data:
                return Outcome(found, closed=True)
            found += data
    except TimeoutError:
        return Outcome(found, closed=False)
    except (OSError, ssl.SSLError):
        return Outcome(found, closed=True)
