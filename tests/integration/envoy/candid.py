"""An application, and clients, that say and hear every header as it is, over HTTP/1 and HTTP/2."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

PREFACE = b"PRI * HTTP/2.0\r\n\r\n"
PATIENCE = 5.0

Pairs = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Message:
    """A request or an answer: its first line or pseudo-headers, its headers, body and trailers."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Candid:
    """What an application heard last, and what it answers."""

    headers: Pairs = ()
    trailers: Pairs = ()
    heard: Message | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; over HTTP/1 for one request."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head == PREFACE:
                await self._serve_http2(head, reader, writer)
                return
            self.heard = _parsed(head)
            self.heard.body = await reader.readexactly(_length(self.heard.headers))
            writer.write(
                _written("HTTP/1.1 200 OK", [*self.headers, ("content-length", "2")], b"ok")
            )
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    async def _serve_http2(
        self, begun: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        http = h2.connection.H2Connection(_settings(is_client=False))
        http.initiate_connection()
        data = begun
        while data:
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.heard = _message(event.headers)
                elif self.heard and not _grows(self.heard, event, http):
                    self._answer(http, event)
            writer.write(http.data_to_send())
            data = await reader.read(65536)

    def _answer(self, http: h2.connection.H2Connection, ended: h2.events.Event) -> None:
        assert isinstance(ended, h2.events.StreamEnded)
        assert ended.stream_id is not None
        http.send_headers(ended.stream_id, [(":status", "200"), *self.headers])
        http.send_data(ended.stream_id, b"ok")
        http.send_headers(ended.stream_id, list(self.trailers), end_stream=True)


@asynccontextmanager
async def candid(port: int) -> AsyncIterator[Candid]:
    """An application of 127.0.0.1 that hears and answers as it is told."""
    found = Candid()
    server = await asyncio.start_server(found.serve, "127.0.0.1", port)
    try:
        yield found
    finally:
        server.close()


async def ask_http1(to: tuple[str, int], line: str, headers: Pairs, body: bytes = b"") -> Message:
    """The answer to one request over a new connection."""
    reader, writer = await asyncio.open_connection(*to)
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(_written(line, headers, body))
            answer = _parsed(await reader.readuntil(b"\r\n\r\n"))
            answer.body = await reader.readexactly(_length(answer.headers))
            return answer
    finally:
        writer.transport.abort()


async def ask_http2(
    to: tuple[str, int], headers: Pairs, body: bytes = b"", trailers: Pairs = ()
) -> Message:
    """The answer to one request over a new connection."""
    reader, writer = await asyncio.open_connection(*to)
    http = h2.connection.H2Connection(_settings(is_client=True))
    http.initiate_connection()
    http.send_headers(1, list(headers))
    http.send_data(1, body, end_stream=not trailers)
    if trailers:
        http.send_headers(1, list(trailers), end_stream=True)
    answer = Message("", [])
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                writer.write(http.data_to_send())
                for event in http.receive_data(await reader.read(65536)):
                    if isinstance(event, h2.events.ResponseReceived):
                        answer = _message(event.headers)
                    elif not _grows(answer, event, http):
                        return answer
    finally:
        writer.transport.abort()


def _grows(message: Message, event: h2.events.Event, http: h2.connection.H2Connection) -> bool:
    """Add to `message` what `event` brings; whether more is to come."""
    match event:
        case h2.events.DataReceived(data=bytes(data), stream_id=int(stream)):
            message.body += data
            http.acknowledge_received_data(len(data), stream)
        case h2.events.TrailersReceived(headers=headers):
            message.trailers = [(str(n), str(v)) for n, v in headers or ()]
        case h2.events.StreamEnded():
            return False
        case h2.events.StreamReset() | h2.events.ConnectionTerminated():
            raise EOFError(repr(event))
        case _:
            pass
    return True


def _settings(*, is_client: bool) -> h2.config.H2Configuration:
    return h2.config.H2Configuration(client_side=is_client, header_encoding="utf-8")


def _message(headers: object) -> Message:
    assert isinstance(headers, list)
    pairs = [(str(n), str(v)) for n, v in headers]
    line = " ".join(f"{n}={v}" for n, v in sorted(pairs) if n.startswith(":"))
    return Message(line, [(n, v) for n, v in pairs if not n.startswith(":")])


def _written(line: str, headers: Pairs, body: bytes) -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode() + body


def _parsed(head: bytes) -> Message:
    line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    pairs = (pair.split(": ", 1) for pair in lines)
    return Message(line, [(name.lower(), value) for name, value in pairs])


def _length(headers: Pairs) -> int:
    return int(dict(headers).get("content-length", "0"))
