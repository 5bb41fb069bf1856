"""Connections of bytes between real Envoys end, wait and press back as they would without them."""

import asyncio
import socket
import struct

import pytest

from smi.model.service import AppProtocol
from tests.integration.envoy import counterpart
from tests.integration.envoy.counterpart import Close, Pause, Step, Until

pytestmark = pytest.mark.envoy

SPEAKS = [AppProtocol.TCP, AppProtocol.DETECT]
MUCH = bytes(range(256)) * 2**14  # 4 MiB
SILENT = 3.0  # seconds; longer than any patience that is written in the configuration


@pytest.mark.parametrize("speaks", SPEAKS)
@pytest.mark.parametrize("first", ["client", "server"])
async def test_who_has_said_all_still_hears(speaks: AppProtocol, first: str) -> None:
    seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    ending: list[Step] = [b"greeting\n", Pause(0.5), Close(), Until(b"end of it\n")]
    lasting: list[Step] = [Until(b"greeting\n"), Pause(0.5), MUCH, b"end of it\n", Close()]
    client, server = (ending, lasting) if first == "client" else (lasting, ending)
    if first == "server":  # on an undeclared port the client has to speak first all the same
        client = [b"hello\n", *client]
        server = [Until(b"hello\n"), *server]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await counterpart.follow(server, reader, writer))

    async with counterpart.vacant(speaks) as running, counterpart.serving(running, serve):
        reader, writer = await counterpart.dialled(running)
        heard = await counterpart.follow(client, reader, writer)
        told = await seen
        writer.close()
    long, short = (heard, told) if first == "client" else (told, heard)
    assert long.removeprefix(b"hello\n") == MUCH + b"end of it\n"
    assert short.removeprefix(b"hello\n") == b"greeting\n"


async def test_tunnel_through_an_application_is_bytes_and_needs_a_port_of_bytes() -> None:
    ask = b"CONNECT bank.example.org:443 HTTP/1.1\r\nhost: bank.example.org:443\r\n\r\n"
    client: list[Step] = [ask, Until(b"\r\n\r\n"), b"\x16\x03 no HTTP\n", Until(b"nor this\n")]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script: list[Step] = [
            Until(ask),
            b"HTTP/1.1 200 OK\r\n\r\n",
            Until(b"no HTTP\n"),
            b"nor this\n",
        ]
        await counterpart.follow(script, reader, writer)

    heard = {}
    for speaks in AppProtocol:
        async with counterpart.vacant(speaks) as running, counterpart.serving(running, serve):
            reader, writer = await counterpart.dialled(running)
            heard[speaks] = await counterpart.follow(client, reader, writer)
            writer.close()
    assert heard[AppProtocol.TCP] == b"HTTP/1.1 200 OK\r\n\r\nnor this\n"
    for speaks in (AppProtocol.HTTP, AppProtocol.DETECT):
        assert heard[speaks].startswith(b"HTTP/1.1 404 Not Found\r\n"), heard[speaks]


async def test_reset_of_either_end_is_one_to_the_other() -> None:
    ended: asyncio.Queue[str] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        writer.write(line)
        if line == b"reset\n":
            await reader.readline()
            _reset(writer)
        else:
            ended.put_nowait(await _end(reader))

    async with (
        counterpart.vacant(AppProtocol.TCP) as running,
        counterpart.serving(running, serve),
    ):
        reader, writer = await counterpart.dialled(running)
        writer.write(b"reset\n")
        assert await reader.readline() == b"reset\n"
        writer.write(b"now\n")
        assert await _end(reader) == "ConnectionResetError"
        writer.close()
        reader, writer = await counterpart.dialled(running)
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        _reset(writer)
        async with asyncio.timeout(counterpart.PATIENCE):
            assert await ended.get() == "ConnectionResetError"


async def test_silence_ends_no_connection_and_who_does_not_read_presses_back() -> None:
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readline()
        while sent < 64 * len(MUCH):
            writer.write(MUCH)
            await writer.drain()
            sent += len(MUCH)
        writer.write_eof()

    async with (
        counterpart.vacant(AppProtocol.TCP) as running,
        counterpart.serving(running, serve),
    ):
        reader, writer = await counterpart.dialled(running)
        await asyncio.sleep(SILENT)
        writer.write(b"go\n")
        assert await reader.readexactly(len(MUCH)) == MUCH
        await asyncio.sleep(SILENT)
        assert sent < 16 * len(MUCH)  # what nobody reads waits where it comes from
        heard = len(MUCH)
        while data := await reader.read(counterpart.LIMIT):
            heard += len(data)
        assert heard == 64 * len(MUCH)
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a process does that is killed with something unread."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def _end(reader: asyncio.StreamReader) -> str:
    """How a connection ends that has nothing more to say."""
    try:
        async with asyncio.timeout(counterpart.PATIENCE):
            return (await reader.read()).decode()
    except OSError as error:
        return type(error).__name__
