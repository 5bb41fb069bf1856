"""HTTP/1 between real Envoys arrives as applications speak it."""

import asyncio
import socket
from collections import deque
from collections.abc import Iterable

import pytest

from smi.model.service import AppProtocol
from tests.integration.envoy import counterpart
from tests.integration.envoy.harness import Lab
from tests.integration.envoy.http1_exchanges import EXCHANGES, Exchange

pytestmark = pytest.mark.envoy

SLOWLY = 2.5  # seconds; Envoy's own patience with a reader, where a connection is to close, is one
SIZES = range(200_000, 6_000_000, 400_000)
"""Of answers of which, for some, all that is not read yet is in the hands of a sidecar."""


async def held(running: Lab, exchange: Exchange) -> tuple[bytes, bytes]:
    """What the application and the client of `exchange` heard."""
    seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await counterpart.follow(exchange.application, reader, writer))

    async with counterpart.serving(running, serve):
        reader, writer = await counterpart.dialled(running)
        heard = await counterpart.follow(exchange.client, reader, writer)
        writer.transport.abort()
        return await seen if exchange.application else b"", heard


def misses(text: bytes, wanted: Iterable[bytes], unwanted: Iterable[bytes]) -> list[bytes]:
    """What of `wanted` does not come in `text` in its turn, and what of `unwanted` does."""
    missing, rest = [], deque(wanted)
    position = 0
    while rest:
        part = rest.popleft()
        found = text.find(part, position)
        position = max(position, found + len(part)) if found >= 0 else position
        missing += [] if found >= 0 else [part]
    return missing + [part for part in unwanted if part in text]


@pytest.mark.parametrize("speaks", [AppProtocol.HTTP, AppProtocol.DETECT])
async def test_http_1_arrives_as_it_is_spoken(speaks: AppProtocol) -> None:
    failures = {}
    async with counterpart.vacant(speaks) as running:
        for name, exchange in EXCHANGES.items():
            seen, heard = await held(running, exchange)
            found = misses(seen, exchange.seen, exchange.unheard)
            found += misses(heard, exchange.heard, exchange.unheard)
            if found:
                failures[name] = (found, seen[:600], heard[:600])
    assert not failures, "\n".join(map(str, failures.items()))


async def test_answer_with_which_a_connection_ends_may_be_read_slowly() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.split()[1][1:])
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size)
        writer.write(b"x" * size)
        await writer.drain()

    async with counterpart.vacant(AppProtocol.HTTP) as running:
        async with counterpart.serving(running, serve), asyncio.TaskGroup() as tasks:
            reads = [
                tasks.create_task(slowly_read(counterpart.door(running), size, version))
                for size in SIZES
                for version in ("1.0", "1.1\r\nconnection: close")
            ]
        assert [len(read.result()) for read in reads] == [size for size in SIZES for _ in range(2)]


async def slowly_read(to: tuple[str, int], size: int, version: str) -> bytes:
    """The body of `size` bytes, of which nothing is read for some time."""
    loop, connection = asyncio.get_running_loop(), socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connection.setblocking(False)
    await loop.sock_connect(connection, to)
    await loop.sock_sendall(connection, f"GET /{size} HTTP/{version}\r\nhost: w\r\n\r\n".encode())
    await asyncio.sleep(SLOWLY)
    heard = bytearray()
    while data := await loop.sock_recv(connection, 65536):
        heard += data
    connection.close()
    return bytes(heard.partition(b"\r\n\r\n")[2])
