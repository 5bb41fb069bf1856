"""What clients and applications say to each other, byte by byte.

Nothing here tidies what is sent: a path goes out as it is written.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from smi.decision.request import Protocol, Request

PREFACE = b"PRI * HTTP/2.0"
HELLO = b"hello\n"
PATIENCE = 10.0  # seconds; answers take some milliseconds


class Answer(NamedTuple):
    """What came back: an HTTP status, or 200 for bytes over TCP; 0 if nothing did."""

    status: int
    pod: str = ""
    method: str = ""
    path: str = ""


class Dialled(NamedTuple):
    """Where a client connects, and under which certificate."""

    address: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


async def ask(to: Dialled, request: Request, path: str, authority: str) -> Answer:
    """Send `request` as it is, over a new connection."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(
                to.address, to.port, ssl=to.tls, server_hostname=to.server_name
            )
            try:
                match request.protocol:
                    case Protocol.TCP:
                        return await _ask_tcp(reader, writer)
                    case Protocol.H2:
                        return await _ask_h2(reader, writer, request, path, authority)
                    case _:
                        return await _ask_http(reader, writer, request, path, authority)
            finally:
                writer.transport.abort()
    except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
        return Answer(0)


async def _ask_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    writer.write(HELLO)
    pod = await reader.readline()
    return Answer(200, pod.decode().strip()) if pod else Answer(0)


async def _ask_http(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: Request,
    path: str,
    authority: str,
) -> Answer:
    lines = [f"{request.method} {path} HTTP/1.1", f"host: {authority}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    writer.write("\r\n".join([*lines, "content-length: 0", "", ""]).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    return _answer(int(head[0].split()[1]), headers)


async def _ask_h2(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: Request,
    path: str,
    authority: str,
) -> Answer:
    connection = h2.connection.H2Connection(_h2(client=True))
    connection.initiate_connection()
    pseudo = {
        ":method": request.method,
        ":scheme": "http",
        ":authority": authority,
        ":path": path,
    }
    headers = [(name.lower(), value.strip()) for name, value in request.headers]
    connection.send_headers(1, [*pseudo.items(), *headers], end_stream=True)
    writer.write(connection.data_to_send())
    while data := await reader.read(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                found = {_text(name): _text(value) for name, value in event.headers or ()}
                return _answer(int(found[":status"]), found)
            if isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                return Answer(0)
    return Answer(0)


def _echo(connection: h2.connection.H2Connection, event: h2.events.DataReceived) -> None:
    """What a request says piece by piece is said back piece by piece."""
    assert event.stream_id is not None
    assert event.flow_controlled_length is not None
    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    ended = event.stream_ended is not None
    connection.send_data(event.stream_id, event.data or b"", end_stream=ended)


def _answer(status: int, headers: Mapping[str, str]) -> Answer:
    told = (headers.get(f"x-{what}", "") for what in ("pod", "method", "path"))
    return Answer(status, *told)


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _h2(*, client: bool) -> h2.config.H2Configuration:
    return h2.config.H2Configuration(
        client_side=client,
        header_encoding="latin-1",
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        validate_inbound_headers=False,
    )


@asynccontextmanager
async def application(pod: str, port: int) -> AsyncIterator[None]:
    """An application that says which pod it is in whatever is spoken to it."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(
                OSError, asyncio.IncompleteReadError, h2.exceptions.ProtocolError
            ):
                await _serve(pod, reader, writer)
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await server.wait_closed()


async def _serve(pod: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        if line == HELLO:
            writer.write(f"{pod}\n".encode())
            continue
        if line.startswith(PREFACE):
            await _serve_h2(pod, line, reader, writer)
            return
        method, path, *_ = line.decode("latin-1").split(" ")
        await reader.readuntil(b"\r\n\r\n")
        told = f"x-pod: {pod}\r\nx-method: {method}\r\nx-path: {path}"
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{told}\r\n\r\n".encode())


async def _serve_h2(
    pod: str, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    connection = h2.connection.H2Connection(_h2(client=False))
    connection.initiate_connection()
    data = first
    while data:
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                asked = {_text(name): _text(value) for name, value in event.headers or ()}
                told = [
                    (":status", "200"),
                    ("x-pod", pod),
                    ("x-method", asked[":method"]),
                    ("x-path", asked[":path"]),
                ]
                assert event.stream_id is not None
                ended = event.stream_ended is not None
                connection.send_headers(event.stream_id, told, end_stream=ended)
            if isinstance(event, h2.events.DataReceived):
                _echo(connection, event)
        writer.write(connection.data_to_send())
        data = await reader.read(65536)
