"""Applications that keep what they receive to the byte, and read it as strictly as can be.

Whatever an application sees must be a request that `decide` allows, in the one form that every
reader takes alike: what is none is kept as unreadable.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from smi.decision.decide import decide
from smi.decision.judge import Verdict
from smi.decision.request import Protocol, Request
from smi.model.mesh import Mesh
from smi.model.workload import Workload
from tests import builders as a
from tests.integration.envoy import strict
from tests.integration.envoy.harness import Lab, Loopback, lab
from tests.integration.envoy.strict import Unreadable

WEB, VAULT = a.name("web-0"), a.name("vault-0")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PORT = 8080

# What the server's sidecar says beside the request; a hundred headers are all that it takes.
ADDED = {"x-forwarded-proto", "x-forwarded-client-cert"}


@dataclass(slots=True)
class Seen:
    """One request as an application saw it; whether its end was seen too."""

    pod: str
    protocol: Protocol
    method: str
    path: str
    authority: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    trailers: tuple[tuple[str, str], ...] = ()
    whole: bool = False

    def of(self, caller: str) -> Request:
        """The question whether `caller` may send this."""
        target = f"pod/shop/{self.pod}:{PORT}"
        said = tuple(pair for pair in self.headers if pair[0].lower() not in ADDED)
        return Request(
            f"pod/shop/{caller}-0",
            target,
            self.protocol,
            self.method,
            self.path,
            self.authority,
            said,
        )


@dataclass(slots=True)
class Ledger(Lab):
    """Owns pods whose applications keep what they receive.

    `/early` is answered before the request's end; `/socket` takes a websocket. What an application
    said yes to, and no longer reads as HTTP, is `tunnelled`. For so many seconds of a connection
    an application `hesitates` to read.
    """

    seen: list[Seen] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)
    tunnelled: list[bytes] = field(default_factory=list)
    received: int = 0
    hesitates: float = 0.0

    def judge(self, caller: str) -> list[str]:
        """What an application saw of `caller` and should not have, in words; forgets all."""
        found = [f"unreadable: {data!r}" for data in self.unreadable]
        for each in self.seen:
            asked = each.of(caller)
            if decide(self.mesh, asked).verdict is not Verdict.ALLOW:
                found.append(f"denied, and seen: {each}")
            elif asked.forwarded != each.path:
                found.append(f"another path than was judged: {each}")
        self.seen, self.unreadable = [], []
        return found

    async def _start_apps(self, workload: Workload) -> None:
        stack = self.apps[workload.name] = AsyncExitStack()
        assert workload.loopback is not None
        for detour in workload.loopback.detours.values():
            app = self._application(workload.name.name, detour.application)
            await stack.enter_async_context(app)

    @asynccontextmanager
    async def _application(self, pod: str, port: int) -> AsyncIterator[None]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._serve(pod, reader, writer)
            except ConnectionError:
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()

    async def _serve(
        self, pod: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        conversation: _Http1 | _Http2 | None = None
        buffer = b""
        await asyncio.sleep(self.hesitates)
        while data := await reader.read(65536):
            self.received += len(data)
            buffer += data
            if conversation is None:
                if PREFACE.startswith(buffer[: len(PREFACE)]) and len(buffer) < len(PREFACE):
                    continue
                kind = _Http2 if buffer.startswith(PREFACE) else _Http1
                conversation = kind(self, pod)
            answer = conversation.receive(buffer)
            buffer = b""
            if answer is None:
                return
            writer.write(answer)


class _Http1:
    """Owns one connection that speaks HTTP/1.1, as an application that ignores what it may."""

    def __init__(self, ledger: Ledger, pod: str) -> None:
        self._ledger, self._pod = ledger, pod
        self._buffer = b""
        self._request: Seen | None = None
        self._head: strict.Head | None = None
        self._is_tunnel = False

    def receive(self, data: bytes) -> bytes | None:
        """What the application answers; `None` where it hangs up."""
        self._buffer += data
        if self._is_tunnel:
            self._ledger.tunnelled.append(data)
            return b""
        try:
            return b"".join(self._answers())
        except Unreadable:
            self._ledger.unreadable.append(self._buffer)
            return None

    def _answers(self) -> Iterator[bytes]:
        while self._buffer and not self._is_tunnel:
            if self._head is None:
                self._head, self._buffer = strict.head(self._buffer)
                if self._head is None:
                    return
                self._request = self._noted(self._head)
                if "/early" in self._head.target:
                    yield b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            assert self._request is not None
            body, self._buffer = strict.body(self._head, self._buffer)
            if body is None:
                return
            self._request.body, self._request.whole = body, True
            yield self._answer(self._head)
            self._head = None

    def _noted(self, head: strict.Head) -> Seen:
        host = head.values("host")[0]
        headers = tuple(pair for pair in head.headers if pair[0] != "host")
        seen = Seen(self._pod, Protocol.HTTP, head.method, head.target, host, headers)
        self._ledger.seen.append(seen)
        return seen

    def _answer(self, head: strict.Head) -> bytes:
        if "/early" in head.target:
            return b""
        if "/socket" in head.target and head.values("upgrade") == ["websocket"]:
            self._is_tunnel = True
            return b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class _Http2:
    """Owns one connection that speaks HTTP/2."""

    def __init__(self, ledger: Ledger, pod: str) -> None:
        self._ledger, self._pod = ledger, pod
        self._connection = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=False, header_encoding="latin-1", validate_inbound_headers=False
            )
        )
        self._connection.initiate_connection()
        self._open: dict[int, Seen] = {}

    def receive(self, data: bytes) -> bytes | None:
        """What the application answers; `None` where it hangs up."""
        try:
            for event in self._connection.receive_data(data):
                self._heed(event)
        except h2.exceptions.ProtocolError as error:
            self._ledger.unreadable.append(f"{error!r}: ".encode() + data)
            return None
        return self._connection.data_to_send()

    def _heed(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=int(stream), headers=list(pairs)):
                self._open[stream] = self._noted([(str(n), str(v)) for n, v in pairs])
            case h2.events.DataReceived(stream_id=int(stream), data=bytes(data)):
                self._open[stream].body += data
                self._connection.acknowledge_received_data(len(data), stream)
            case h2.events.TrailersReceived(stream_id=int(stream), headers=list(pairs)):
                self._open[stream].trailers = tuple((str(n), str(v)) for n, v in pairs)
            case h2.events.StreamEnded(stream_id=int(stream)):
                self._open[stream].whole = True
                # It may have been reset in the same breath.
                with contextlib.suppress(h2.exceptions.ProtocolError):
                    self._connection.send_headers(stream, [(":status", "200")], end_stream=True)
            case _:
                pass

    def _noted(self, pairs: list[tuple[str, str]]) -> Seen:
        pseudo = {name: value for name, value in pairs if name.startswith(":")}
        if len(pseudo) != sum(name.startswith(":") for name, _ in pairs):
            self._ledger.unreadable.append(repr(pairs).encode())
        headers = tuple(pair for pair in pairs if not pair[0].startswith(":"))
        method, path, host = (
            pseudo.get(f":{name}", "") for name in ("method", "path", "authority")
        )
        seen = Seen(self._pod, Protocol.H2, method, path, host, headers)
        self._ledger.seen.append(seen)
        return seen


def world(loopback: Loopback) -> Mesh:
    """`front` may GET /api of `web`, and POST /form for the tenant blue; `intruder` may nothing."""
    web, vault = (
        a.workload(f"{n}-0", n, address=loopback.address(), detours=loopback.detours(PORT))
        for n in ("web", "vault")
    )
    doors = {("web", 80): 15080}
    clients = [
        a.workload(f"{n}-0", n, address=loopback.address(), services=doors)
        for n in ("front", "intruder")
    ]
    route = a.route("web", 80)
    get = a.match("/api", ["GET"])
    post = a.match("/form", ["POST"], {"x-tenant": "blue"})
    return a.mesh(
        workloads=[web, vault, *clients],
        services=[a.service("web", 80, [web], PORT), a.service("vault", 80, [vault], PORT)],
        routes=[route, a.route("vault", 80)],
        inbounds=[
            a.inbound(a.group("web"), a.rule("web", "front", http=[get, post])),
            a.inbound(a.group("vault")),
        ],
        outbounds={"front": [route], "intruder": [route]},
    )


@asynccontextmanager
async def ledger() -> AsyncIterator[Ledger]:
    """`world`, running."""
    async with lab() as found:
        own = Ledger(found.state, found.backend, found.banners)
        try:
            await own.publish(world(Loopback()))
            yield own
        finally:
            await own.close()
