"""Applications that end kept-alive connections at the worst moments, and count what arrives."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from smi.model.workload import Workload
from tests.integration.envoy.harness import Lab

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LIE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-smi-mesh-unreached: true\r\n\r\nok"
FAILURE = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno"
IDLE = 0.25  # seconds: about as long as a client pauses, so that both meet


class Mood(StrEnum):
    """When an application ends a connection that it never said it would end."""

    NEVER = "never"
    AFTER_EACH = "after each answer"
    WHEN_IDLE = "some milliseconds after an answer"
    INSTEAD = "instead of an answer"
    LYING = "never, but it says that requests do not arrive"
    FAILING = "never, but it fails all requests"


@dataclass(slots=True)
class Moody(Lab):
    """Owns pods whose applications count requests by the number in `x-id`.

    `connections` counts how many they accepted, `asked` requests by pod. Pods in `failing` fail
    all of them.
    """

    mood: Mood = Mood.NEVER
    arrived: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    failing: set[str] = field(default_factory=set)

    async def _start_apps(self, workload: Workload) -> None:
        stack = self.apps[workload.name] = AsyncExitStack()
        assert workload.loopback is not None
        for detour in workload.loopback.detours.values():
            await stack.enter_async_context(
                self._application(workload.name.name, detour.application)
            )

    @asynccontextmanager
    async def _application(self, pod: str, port: int) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self, pod), "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()


class _Connection(asyncio.Protocol):
    """One accepted connection."""

    def __init__(self, of: Moody, pod: str) -> None:
        self._of, self._pod = of, pod
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._of.connections += 1
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._ending:
            self._ending.cancel()
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or len(body) < _header(head, b"content-length", 0):
            return
        self._buffer = b""
        self._of.asked[self._pod] += 1
        self._of.arrived[str(_header(head, b"x-id", 0))] += 1
        self._answer(self._transport)

    def _answer(self, transport: asyncio.Transport) -> None:
        match Mood.FAILING if self._pod in self._of.failing else self._of.mood:
            case Mood.INSTEAD:
                transport.abort()
                return
            case Mood.AFTER_EACH:
                transport.write(ANSWER)
                transport.close()
                return
            case Mood.LYING:
                transport.write(LIE)
                return
            case Mood.FAILING:
                transport.write(FAILURE)
                return
            case Mood.WHEN_IDLE:
                idle = IDLE
            case _:
                idle = 3600.0
        transport.write(ANSWER)
        self._ending = self._loop.call_later(idle, transport.close)


def _header(head: bytes, name: bytes, otherwise: int) -> int:
    _, found, rest = head.lower().partition(b"\r\n" + name + b":")
    return int(rest.partition(b"\r\n")[0]) if found else otherwise
