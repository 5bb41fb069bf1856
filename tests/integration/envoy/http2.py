"""An HTTP/2 connection of a test's own, so that it knows which requests share it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import h2.config
import h2.connection
import h2.events

PATIENCE = 5.0


class Told(NamedTuple):
    """The status of an answer, and the pod that gave it."""

    status: int
    pod: str


@dataclass(slots=True)
class Connection:
    """Owns one connection for as long as `connected` is entered."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: h2.connection.H2Connection
    next_stream: int = 1
    told: dict[int, Told] = field(default_factory=dict)

    async def ask(self, *asked: tuple[str, str]) -> list[Told]:
        """What requests (authority and path) that are sent at once are answered."""
        streams = [self._send(authority, path) for authority, path in asked]
        self.writer.write(self.protocol.data_to_send())
        async with asyncio.timeout(PATIENCE):
            while not self.told.keys() >= set(streams):
                data = await self.reader.read(65536)
                assert data, "the connection was closed"
                for event in self.protocol.receive_data(data):
                    self._note(event)
                self.writer.write(self.protocol.data_to_send())
        return [self.told[stream] for stream in streams]

    def _send(self, authority: str, path: str) -> int:
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        pseudo = {":method": "GET", ":scheme": "http", ":authority": authority, ":path": path}
        self.protocol.send_headers(stream, list(pseudo.items()), end_stream=True)
        return stream

    def _note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            assert event.stream_id is not None
            found = dict(event.headers or ())
            pod = found.get(b"x-pod", b"").decode()
            self.told[event.stream_id] = Told(int(found[b":status"]), pod)


@asynccontextmanager
async def connected(
    address: str, port: int, tls: ssl.SSLContext | None = None, sni: str | None = None
) -> AsyncIterator[Connection]:
    """A connection to `port` of `address`, over TLS if there is a context for it."""
    if tls is not None:
        tls.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection(address, port, ssl=tls, server_hostname=sni)
    protocol = h2.connection.H2Connection(
        h2.config.H2Configuration(client_side=True, validate_outbound_headers=False)
    )
    protocol.initiate_connection()
    try:
        yield Connection(reader, writer, protocol)
    finally:
        writer.transport.abort()
