"""Many small requests over connections that stay: what a busy client's own code costs nothing of.

Every request has a number of its own, so that an application can tell whether it came twice.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

BODY = b"b" * 64
ENOUGH = 120.0  # seconds that a volley may go on to reach its number of requests

Requests = Callable[[int], bytes]
"""A whole request by its number."""


def get(host: str, path: str = "/") -> Requests:
    """`GET`, the number in its header `x-id`."""
    head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nx-id: "
    return lambda number: f"{head}{number}\r\n\r\n".encode()


def post(host: str, path: str = "/") -> Requests:
    """`POST` with a body, the number in its header `x-id`."""
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(BODY)}\r\nx-id: "
    return lambda number: f"{head}{number}\r\n\r\n".encode() + BODY


@dataclass(slots=True)
class Volley:
    """How requests were answered, by status (0: the connection ended), and which ones failed.

    `opened` counts the connections that were opened in the place of one that ended.
    """

    begun: float = field(default_factory=time.monotonic)
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[tuple[int, int, bytes]] = field(default_factory=list)
    opened: int = 0
    slowest: float = 0.0
    stopping: bool = False

    @property
    def rate(self) -> float:
        """Answers a second, from the first moment on."""
        return self.statuses.total() / (time.monotonic() - self.begun)

    def number(self) -> int:
        """The next request's own."""
        self.sent += 1
        return self.sent

    def note(self, number: int, status: int, said: bytes, took: float) -> None:
        """Remember an answer."""
        self.statuses[status] += 1
        self.slowest = max(self.slowest, took)
        if status != 200:
            self.failures.append((number, status, said[:300]))

    async def reaches(self, requests: int) -> None:
        """Wait until so many have been answered."""
        async with asyncio.timeout(ENOUGH):
            while self.statuses.total() < requests:  # noqa: ASYNC110 - time alone ends it
                await asyncio.sleep(0.02)


class _Caller(asyncio.Protocol):
    """One connection: a request when it is due, its answer, the next; one that is late hurries."""

    def __init__(self, to: tuple[str, int], requests: Requests, pause: float, of: Volley) -> None:
        self._to, self._requests, self._pause, self._of = to, requests, pause, of
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._heard = b""
        self._number = 0
        self._sent = 0.0
        self._due = self._loop.time()
        self._again: asyncio.Task[None] | None = None
        self.ended: asyncio.Future[None] = self._loop.create_future()

    async def connect(self) -> None:
        """Open the connection, and begin."""
        await self._loop.create_connection(lambda: self, *self._to)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        if self._transport is None:
            return
        if self._of.stopping:
            self._transport.abort()
            return
        self._number, self._sent = self._of.number(), self._loop.time()
        self._transport.write(self._requests(self._number))

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        took = self._loop.time() - self._sent
        self._of.note(self._number, int(head[9:12]), self._heard, took)
        self._number, self._heard = 0, b""
        if b"\r\nconnection: close" in head.lower() and self._transport:
            self._transport.abort()
            return
        self._due += self._pause
        self._loop.call_at(max(self._loop.time(), self._due), self._ask)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._number:
            self._of.note(self._number, 0, self._heard or repr(exc).encode(), 0.0)
        if self._of.stopping:
            self.ended.set_result(None)
            return
        self._number, self._heard = 0, b""
        self._of.opened += 1
        self._again = self._loop.create_task(self._connect_again())

    async def _connect_again(self) -> None:
        try:
            await self.connect()
        except OSError as error:
            self._of.note(0, 0, repr(error).encode(), 0.0)
            self.ended.set_result(None)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0] or 0)


@asynccontextmanager
async def volley(
    to: tuple[str, int], requests: Requests, *, connections: int, a_second: float
) -> AsyncIterator[Volley]:
    """`requests` go `to` an address and port, so many a second, while the context is entered."""
    found = Volley()
    callers = [_Caller(to, requests, connections / a_second, found) for _ in range(connections)]
    for caller in callers:
        await caller.connect()
        await asyncio.sleep(1 / a_second)  # spread evenly over time
    try:
        yield found
    finally:
        found.stopping = True
        async with asyncio.timeout(20):
            await asyncio.gather(*(caller.ended for caller in callers))
