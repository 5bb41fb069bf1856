"""What clients and applications say to each other, byte by byte.

Nothing here tidies what is sent: a path goes out as it is written.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import quote, unquote

from smi.decision.request import Protocol, Request
from tests.integration.envoy import http2_messages as frames
from tests.integration.envoy.http2_messages import LIMIT, Flag, Kind

HELLO = b"hello\n"
SWITCHING = b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
INSPECTION = 1.0  # seconds that a sidecar looks for a protocol
ATTEMPTS = 4
DENIED = 403
PATIENCE = 10.0  # seconds; answers take some milliseconds


class Answer(NamedTuple):
    """What came back: an HTTP status, or 200 for bytes over TCP; 0 if nothing did.

    `reason` is the class that the body of a 403 over HTTP/1 names.
    """

    status: int
    pod: str = ""
    method: str = ""
    path: str = ""
    reason: str = ""


class Dialled(NamedTuple):
    """Where a client connects, and under which certificate.

    `tunnel` is the host that it asks for a tunnel to before anything else.
    """

    address: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    tunnel: str = ""


async def ask(to: Dialled, request: Request, path: str, authority: str) -> Answer:
    """Send `request` as it is, over a new connection.

    A machine that is too busy may keep a sidecar waiting until it takes a handshake for another
    protocol. That fails after its second of patience, which only what is no HTTP/2 takes as well:
    whatever else fails so late is asked again.
    """
    answer = Answer(0)
    is_reset = request.protocol is Protocol.H2 and request.forwarded is None
    for _ in range(1 if is_reset else ATTEMPTS):
        start = time.monotonic()
        answer = await _asked(to, request, path, authority)
        if answer.status not in {0, 503} or time.monotonic() - start < INSPECTION:
            break
    return answer


async def _asked(to: Dialled, request: Request, path: str, authority: str) -> Answer:
    match request.protocol:
        case Protocol.TCP:
            said, hear = HELLO, _hear_tcp
        case Protocol.H2:
            said, hear = _in_http2(request, path, authority), _hear_http2
        case _:
            said, hear = _in_http1(request, path, authority), _hear_http1
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await _dial(to, said)
            try:
                answer = await hear(reader, writer)
                if answer.status == DENIED and hear is _hear_http1 and request.method != "HEAD":
                    return answer._replace(reason=_reason(await reader.readline()))
                return answer
            finally:
                writer.transport.abort()
    except (OSError, asyncio.IncompleteReadError):
        return Answer(0)


def _reason(body: bytes) -> str:
    _, reason, *_ = [*body.decode().split(": "), ""]
    return reason


async def _dial(to: Dialled, said: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, and say the first thing at once.

    Who looks for HTTP waits a second for it, and on a busy machine a turn of the loop takes that.
    """
    if to.tls is not None:
        reader, writer = await asyncio.open_connection(
            to.address, to.port, ssl=to.tls, server_hostname=to.server_name, limit=LIMIT
        )
        writer.write(said)
        return reader, writer
    connection = socket.create_connection((to.address, to.port))
    connection.setblocking(False)
    if to.tunnel:
        return await _dial_through(connection, to.tunnel, said)
    sent = connection.send(said)
    reader, writer = await asyncio.open_connection(sock=connection, limit=LIMIT)
    writer.write(said[sent:])
    return reader, writer


async def _dial_through(
    connection: socket.socket, host: str, said: bytes
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for a tunnel, and say the first thing at once, for the same reason.

    Raises `ConnectionRefusedError` where there is none.
    """
    reader, writer = await asyncio.open_connection(sock=connection, limit=LIMIT)
    writer.write(f"CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode() + said)
    head = await reader.readuntil(b"\r\n\r\n")
    if head.split()[1] != b"200":
        writer.transport.abort()
        raise ConnectionRefusedError(head.decode())
    return reader, writer


async def _hear_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    pod = await reader.readline()
    return Answer(200, pod.decode().strip()) if pod else Answer(0)


def _in_http1(request: Request, path: str, authority: str) -> bytes:
    lines = [f"{request.method} {path} HTTP/1.1", f"host: {authority}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    return "\r\n".join([*lines, "content-length: 0", "", ""]).encode()


async def _hear_http1(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    return _answer(int(head[0].split()[1]), headers)


def _in_http2(request: Request, path: str, authority: str) -> bytes:
    pseudo = {
        ":method": request.method,
        ":scheme": "http",
        ":authority": authority,
        ":path": path,
    }
    headers = [(name.lower(), value.strip()) for name, value in request.headers]
    said = frames.headers(1, [*pseudo.items(), *headers])
    return frames.PREFACE + frames.frame(Kind.SETTINGS) + said


async def _hear_http2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    decoder = frames.decoder()
    async for frame in frames.frames(reader):
        match frame.kind:
            case Kind.HEADERS:
                found = frames.fields(decoder, frame.payload)
                return _answer(int(found[":status"]), found)
            case Kind.RST_STREAM | Kind.GOAWAY:
                return Answer(0)
            case _:
                writer.write(frames.acknowledged(frame))
    return Answer(0)


def _answer(status: int, headers: Mapping[str, str]) -> Answer:
    told = (unquote(headers.get(f"x-{what}", "")) for what in ("pod", "method", "path"))
    return Answer(status, *told)


def _told(pod: str, method: bytes, path: bytes) -> list[tuple[str, str]]:
    """What an application says of a request, so that any bytes come back as they arrived."""
    return [("x-pod", pod), ("x-method", quote(method)), ("x-path", quote(path))]


@asynccontextmanager
async def application(pod: str, port: int, host: str = "127.0.0.1") -> AsyncIterator[None]:
    """An application that says which pod it is in whatever is spoken to it."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await _serve(pod, reader, writer)
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, port, limit=LIMIT)
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
        if frames.PREFACE.startswith(line):
            await _serve_h2(pod, line, reader, writer)
            return
        method, path, *_ = [*line.split(b" "), b"", b""]
        if b"upgrade: websocket" in await reader.readuntil(b"\r\n\r\n"):
            writer.write(SWITCHING)
            continue
        told = "\r\n".join(f"{name}: {value}" for name, value in _told(pod, method, path))
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{told}\r\n\r\n".encode())


async def _serve_h2(
    pod: str, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.readexactly(len(frames.PREFACE) - len(first))
    writer.write(frames.frame(Kind.SETTINGS))
    decoder = frames.decoder()
    async for frame in frames.frames(reader):
        if frame.kind == Kind.HEADERS:
            asked = frames.fields(decoder, frame.payload)
            method, path = (asked[f":{n}"].encode("latin-1") for n in ("method", "path"))
            told = [(":status", "200"), *_told(pod, method, path)]
            ends = bool(frame.flags & Flag.END_STREAM)
            writer.write(frames.headers(frame.stream, told, ends=ends))
        elif frame.kind == Kind.DATA:  # what is said piece by piece is said back piece by piece
            ended = frame.flags & Flag.END_STREAM
            writer.write(frames.frame(Kind.DATA, ended, frame.stream, frame.payload))
        else:
            writer.write(frames.acknowledged(frame))
