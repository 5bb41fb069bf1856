"""What stays open while something changes: an HTTP/2 stream, a TCP connection, a websocket."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h2.connection
import h2.events

from smi.k8s.resource import NamespacedName
from tests.integration.envoy.harness import Lab
from tests.integration.envoy.speech import HELLO

PATIENCE = 10.0  # seconds that an answer may take before it is none
PAUSE = 0.1

_Exchange = Callable[[], Awaitable[bytes]]


@dataclass(slots=True)
class Lasting:
    """How often it was answered, and what ended it; nothing as long as it is open."""

    answers: int = 0
    end: str = ""
    longest: float = 0.0  # seconds that an answer took


@dataclass(slots=True)
class Stream:
    """One HTTP/2 connection on which one request never ends."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h2.connection.H2Connection
    status: str = ""

    def open(self, authority: str) -> None:
        """Begin the request."""
        self.http.initiate_connection()
        pseudo = {":method": "POST", ":scheme": "http", ":authority": authority, ":path": "/"}
        self.http.send_headers(1, list(pseudo.items()))

    async def exchange(self) -> bytes:
        """Say one thing more in it, and hear it back."""
        self.http.send_data(1, HELLO)
        heard = b""
        while heard != HELLO:
            self.writer.write(self.http.data_to_send())
            data = await self.reader.read(65536)
            if not data:
                raise EOFError("the connection ended")
            for event in self.http.receive_data(data):
                heard += self._heard(event)
        return heard

    def _heard(self, event: h2.events.Event) -> bytes:
        match event:
            case h2.events.ResponseReceived():
                self.status = str(dict(event.headers or ()).get(b":status"))
            case h2.events.DataReceived():
                assert event.flow_controlled_length is not None
                self.http.acknowledge_received_data(event.flow_controlled_length, 1)
                return event.data or b""
            case h2.events.StreamReset() | h2.events.StreamEnded():
                message = f"the stream ended: {type(event).__name__} {self.status}"
                raise EOFError(message)
            case h2.events.ConnectionTerminated():
                raise EOFError("the connection is to end")
            case _:
                pass
        return b""


@asynccontextmanager
async def stream(
    running: Lab, pod: NamespacedName, service: NamespacedName
) -> AsyncIterator[Lasting]:
    """One HTTP/2 stream from `pod` to `service`, used again and again."""
    reader, writer = await asyncio.open_connection(*running.door(pod, service, 80))
    http = h2.connection.H2Connection()
    found = Stream(reader, writer, http)
    found.open(f"{service.name}.{service.namespace}")
    async with _used(found.exchange, writer) as lasting:
        yield lasting


@asynccontextmanager
async def websocket(
    running: Lab, pod: NamespacedName, service: NamespacedName
) -> AsyncIterator[Lasting]:
    """One websocket from `pod` to `service`, used again and again."""
    reader, writer = await asyncio.open_connection(*running.door(pod, service, 80))
    host = f"{service.name}.{service.namespace}"
    upgrade = "connection: upgrade\r\nupgrade: websocket"
    writer.write(f"GET / HTTP/1.1\r\nhost: {host}\r\n{upgrade}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101"), head
    async with _lines(reader, writer) as lasting:
        yield lasting


@asynccontextmanager
async def connection(
    running: Lab, pod: NamespacedName, service: NamespacedName
) -> AsyncIterator[Lasting]:
    """One TCP connection from `pod` to `service`, used again and again."""
    reader, writer = await asyncio.open_connection(*running.door(pod, service, 80))
    async with _lines(reader, writer) as lasting:
        yield lasting


@asynccontextmanager
async def _lines(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> AsyncIterator[Lasting]:
    async def exchange() -> bytes:
        writer.write(HELLO)
        line = await reader.readline()
        if not line:
            raise EOFError("the connection ended")
        return line

    async with _used(exchange, writer) as lasting:
        yield lasting


@asynccontextmanager
async def _used(exchange: _Exchange, writer: asyncio.StreamWriter) -> AsyncIterator[Lasting]:
    found = Lasting()
    async with asyncio.TaskGroup() as tasks:
        using = tasks.create_task(_use(exchange, found))
        try:
            yield found
        finally:
            using.cancel()
            writer.transport.abort()


async def _use(exchange: _Exchange, found: Lasting) -> None:
    while True:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                await exchange()
        except (OSError, EOFError) as error:
            found.end = repr(error)
            return
        found.answers += 1
        found.longest = max(found.longest, time.monotonic() - begun)
        await asyncio.sleep(PAUSE)
