"""What a real server sidecar spends on requests, whatever the number of those who may call.

The CPU time is the sidecar's own, as the kernel counts it; servers take turns, so that what else
the machine does strikes all of them alike, and costs are compared within a turn.
"""

import asyncio
import random
import ssl
import statistics
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import policies
from policies import INBOUND, SERVERS, SHAPES, SIZES, Server

from smi_envoy.backend import EnvoyBackend
from smi_envoy.ca import store
from smi_envoy.ca.authority import Authority

LIMIT = 1.15  # of CPU a request, against one caller; a list that is walked costs five times as much
PAGE = 4096
CONNECTIONS = 4
PIPELINED = 25  # requests that are said at once, so that what is judged outweighs what is carried

REQUEST = b"GET /api HTTP/1.1\r\nhost: web\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Cost(NamedTuple):
    """CPU microseconds a request, the ratio to the server with one caller, and memory in MB."""

    cpu: float
    ratio: float
    memory: float


class _Application(asyncio.Protocol):
    """Answers every request at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._rest = transport, b""

    def data_received(self, data: bytes) -> None:
        *heads, self._rest = (self._rest + data).split(b"\r\n\r\n")
        self._transport.write(ANSWER * len(heads))


@dataclass(slots=True)
class _Client:
    """Owns some connections to one server as its last caller."""

    connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]

    async def ask(self, requests: int) -> None:
        """Make so many requests, all of which are allowed."""
        async with asyncio.TaskGroup() as tasks:
            for connection in self.connections:
                tasks.create_task(_ask(*connection, requests // len(self.connections)))

    def close(self) -> None:
        """End the connections."""
        for _, writer in self.connections:
            writer.transport.abort()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: int) -> None:
    for _ in range(requests // PIPELINED):
        writer.write(REQUEST * PIPELINED)
        for _ in range(PIPELINED):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head


@dataclass(slots=True)
class _Running:
    """Owns the sidecars of all servers, and a client for each."""

    envoys: dict[Server, asyncio.subprocess.Process] = field(default_factory=dict)
    clients: dict[Server, _Client] = field(default_factory=dict)

    async def cpu(self, server: Server, requests: int) -> float:
        """CPU microseconds a request that the sidecar of `server` spends now."""
        before = self._nanoseconds(server)
        await self.clients[server].ask(requests)
        return (self._nanoseconds(server) - before) / 1000 / requests

    def memory(self, server: Server) -> float:
        """Megabytes that the sidecar holds in memory."""
        statm = Path(f"/proc/{self.envoys[server].pid}/statm").read_text().split()
        return int(statm[1]) * PAGE / 1e6

    def _nanoseconds(self, server: Server) -> int:
        tasks = Path(f"/proc/{self.envoys[server].pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks)


async def measure(rounds: int, requests: int) -> Mapping[Server, Cost]:
    """The cost of a request at every server, the servers taken in turn, there and back."""
    found: dict[Server, list[float]] = {server: [] for server in SERVERS}
    async with _running() as running:
        for turn in range(rounds + 1):
            for server in SERVERS if turn % 2 else SERVERS[::-1]:
                cost = await running.cpu(server, requests)
                if turn:  # the first one warms
                    found[server].append(cost)
        memory = {server: running.memory(server) for server in SERVERS}
    return {
        server: Cost(statistics.median(found[server]), _ratio(found, server), memory[server])
        for server in SERVERS
    }


def _ratio(found: Mapping[Server, list[float]], server: Server) -> float:
    ones = found[Server(server.shape, 1)]
    return statistics.median(n / one for n, one in zip(found[server], ones, strict=True))


@asynccontextmanager
async def _running() -> AsyncIterator[_Running]:
    network = f"127.{random.randint(16, 250)}.{random.randint(0, 250)}"
    addresses = {server: f"{network}.{n}" for n, server in enumerate(SERVERS, 1)}
    found = _Running()
    async with AsyncExitStack() as stack:
        state = Path(stack.enter_context(TemporaryDirectory(prefix="smi-bench-")))
        backend = EnvoyBackend.on_this_machine(state, "bench.local", lambda: datetime.now(UTC))
        loop = asyncio.get_running_loop()
        application = await loop.create_server(_Application, "127.0.0.1", 0)
        stack.callback(application.close)
        mesh = policies.mesh(addresses, application.sockets[0].getsockname()[1])
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        serving = tasks.create_task(backend.run())
        stack.callback(serving.cancel)
        await backend.publish(mesh)
        for server in SERVERS:
            sidecar = backend.sidecar(mesh.workloads[server.pod])
            directory = state / server.namespace
            directory.mkdir(mode=0o700)
            for file, text in sidecar.files.items():
                (directory / file).write_text(text.replace("{directory}", str(directory)))
            command = [part.replace("{directory}", str(directory)) for part in sidecar.command]
            envoy = found.envoys[server] = await asyncio.create_subprocess_exec(
                *command, stderr=asyncio.subprocess.DEVNULL
            )
            stack.push_async_callback(_end, envoy)
        assert not await backend.settled([server.pod for server in SERVERS], 30)
        for server, address in addresses.items():
            client = found.clients[server] = await _client(state, server, address)
            stack.callback(client.close)
        yield found


async def _end(envoy: asyncio.subprocess.Process) -> None:
    envoy.terminate()
    await envoy.wait()


async def _client(state: Path, server: Server, address: str) -> _Client:
    tls = _tls(state, server)
    return _Client(
        [
            await asyncio.open_connection(
                address, INBOUND, ssl=tls, server_hostname="http.smi-mesh"
            )
            for _ in range(CONNECTIONS)
        ]
    )


def _tls(state: Path, server: Server) -> ssl.SSLContext:
    def now() -> float:
        return datetime.now(UTC).timestamp()

    spiffe, uid = server.last
    issued = Authority(store.load_roots(state, "bench.local", now)[0], now).issue(spiffe, (uid,))
    file = state / f"{server.namespace}.pem"
    file.write_bytes(issued.cert_chain_pem + issued.key_pem)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(file)
    return context


def report(costs: Mapping[Server, Cost]) -> bool:
    """Print the table; whether a cost is above the limit."""
    print("\nCPU of the server's sidecar, µs a request (ratio to one caller), memory MB")
    print(f"{'callers by':12}" + "".join(f"{size:>24}" for size in SIZES))
    for shape in SHAPES:
        cells = [costs[Server(shape, size)] for size in SIZES]
        row = "".join(f"{c.cpu:9.1f} ({c.ratio:4.2f}){c.memory:8.1f}" for c in cells)
        print(f"{shape:12}{row}")
    failed = max(cost.ratio for cost in costs.values()) > LIMIT
    print(f"limit of the ratio {LIMIT}: {'ABOVE' if failed else 'kept'}")
    return failed
