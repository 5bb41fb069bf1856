"""Clients that ask again and again while something changes, and remember every answer."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from tests.integration.envoy.harness import Lab

PATIENCE = 10.0  # seconds that an answer may take before it is a failure
ENOUGH = 60.0  # seconds that a load may go on to reach its number of requests


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Answered(NamedTuple):
    """One request: when it was sent (monotonic seconds), and its status; 0 where none came.

    `pod` is who answered, where the application says so; `text` the body, or what went wrong.
    """

    at: float
    status: int
    pod: str = ""
    text: str = ""


class Client(NamedTuple):
    """Asks `url` through its pod's HTTP proxy, on one connection or on a new one each time."""

    pod: NamespacedName
    url: str
    keeps: bool = True


@dataclass(slots=True)
class Load:
    """Owns the connections of its clients; they end with it."""

    running: Lab
    pause: float
    begun: float = field(default_factory=time.monotonic)
    stopping: bool = False
    answers: dict[Client, list[Answered]] = field(default_factory=dict)

    def of(self, pod: NamespacedName) -> list[Answered]:
        """What a pod was answered, in the order in which it asked."""
        found = [a for client, seen in self.answers.items() if client.pod == pod for a in seen]
        return sorted(found)

    def statuses(self, *pods: NamespacedName) -> Counter[int]:
        """How often pods were answered what; every pod's where none is named."""
        wanted = pods or {client.pod for client in self.answers}
        return Counter(a.status for pod in wanted for a in self.of(pod))

    def failures(self, *pods: NamespacedName) -> list[Answered]:
        """Whatever is not a 200."""
        wanted = pods or {client.pod for client in self.answers}
        return [a for pod in wanted for a in self.of(pod) if a.status != 200]

    async def lasts(self, seconds: float, requests: int) -> None:
        """Wait until it has lasted so long and made so many requests."""
        async with asyncio.timeout(ENOUGH):
            while not self._lasted(seconds, requests):  # noqa: ASYNC110 - time alone ends it
                await asyncio.sleep(0.05)

    def _lasted(self, seconds: float, requests: int) -> bool:
        made = self.statuses().total()
        return made >= requests and time.monotonic() - self.begun >= seconds

    async def ask(self, client: Client) -> None:
        """Ask until the end."""
        seen = self.answers.setdefault(client, [])
        connection: _Connection | None = None
        while not self.stopping:
            at = time.monotonic()
            try:
                async with asyncio.timeout(PATIENCE):
                    connection = connection or await self._connect(client.pod)
                    answer, closes = await _exchange(*connection, client)
                seen.append(answer._replace(at=at))
            except (OSError, ValueError, EOFError) as error:
                seen.append(Answered(at, 0, "", repr(error)))
                closes = True
            if connection and closes:
                connection[1].transport.abort()
                connection = None
            await asyncio.sleep(max(0.0, at + self.pause - time.monotonic()))
        if connection:
            connection[1].transport.abort()

    async def _connect(self, pod: NamespacedName) -> _Connection:
        workload = self.running.mesh.workloads[pod]
        assert workload.loopback is not None
        return await asyncio.open_connection(workload.address, workload.loopback.proxy)


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: Client
) -> tuple[Answered, bool]:
    """The answer, and whether the connection ends with it."""
    host = client.url.split("/")[2]
    last = "" if client.keeps else "connection: close\r\n"
    writer.write(f"GET {client.url} HTTP/1.1\r\nhost: {host}\r\n{last}\r\n".encode())
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    answer = Answered(0, int(lines[0].split()[1]), headers.get("x-pod", ""), body.decode())
    return answer, headers.get("connection") == "close"


@asynccontextmanager
async def load(
    running: Lab, clients: Iterable[Client], *, a_second: float = 250
) -> AsyncIterator[Load]:
    """`clients` ask, `a_second` times between them, while the context is entered."""
    asking = list(clients)
    found = Load(running, len(asking) / a_second)
    async with asyncio.TaskGroup() as tasks:
        for client in asking:
            tasks.create_task(found.ask(client))
        try:
            yield found
        finally:
            found.stopping = True


def turns(answers: Iterable[Answered]) -> list[int]:
    """The statuses, each once for a run of equal ones."""
    return list(_turns(answers))


def _turns(answers: Iterable[Answered]) -> Iterator[int]:
    before = None
    for answer in answers:
        if answer.status != before:
            before = answer.status
            yield before
