"""Real Envoys beside applications on the loopback, told by an EnvoyBackend of this process."""

import asyncio
import random
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.workload import Detour, Workload
from smi.standalone.addressing import LOCALHOST
from smi_envoy.backend import EnvoyBackend, Lifetimes
from smi_envoy.ca import store
from smi_envoy.ca.authority import Root

TRUST_DOMAIN = "cluster.local"
BANNER = b"220 ready\r\n"
SETTLED = 10.0  # seconds; it takes some tens of milliseconds on an idle machine


def clock() -> datetime:
    """The real time."""
    return datetime.now(UTC)


class Loopback:
    """Addresses and ports that nothing else on this machine has."""

    def __init__(self) -> None:
        self._net = f"127.{random.randint(16, 250)}.{random.randint(0, 250)}"
        self._used = 0

    def address(self) -> str:
        """A pod's address."""
        self._used += 1
        return f"{self._net}.{self._used}"

    def detours(self, *ports: int) -> dict[int, Detour]:
        """A detour for each of a pod's ports: peers dial port + 20000, applications anywhere."""
        return {port: Detour(port + 20000, free_port()) for port in ports}


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


def outer_address() -> str:
    """An address of this machine that others may dial; a test that needs one skips without."""
    with socket.socket(type=socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but the loopback's")
        found: str = asked.getsockname()[0]
        return found


def is_free(address: str, port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as found:
        try:
            found.bind((address, port))
        except OSError:
            return False
    return True


def application_host(workload: Workload) -> str:
    """Where the applications of a pod listen."""
    return LOCALHOST if workload.meshed else workload.address


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response. The application echoes what it saw, and its pod's name as `pod`."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Lab:
    """Owns a state directory, a backend, and for every pod an Envoy and its applications.

    Applications are HTTP echoes; the pods' ports in `banners` speak first, over TCP, then echo.
    """

    state: Path
    backend: EnvoyBackend
    banners: frozenset[int]
    extra: tuple[str, ...] = ("--reject-unknown-dynamic-fields",)
    mesh: Mesh = field(default_factory=lambda: Mesh(TRUST_DOMAIN, {}, {}, {}, {}, {}))
    envoys: dict[NamespacedName, asyncio.subprocess.Process] = field(default_factory=dict)
    apps: dict[NamespacedName, AsyncExitStack] = field(default_factory=dict)

    async def publish(self, mesh: Mesh) -> None:
        """Publish `mesh`, start what it adds, stop what it drops; return when it is in force."""
        await self.backend.publish(mesh)
        await self.start(mesh)
        meshed = [name for name, workload in mesh.workloads.items() if workload.meshed]
        late = await self.backend.settled(meshed, SETTLED)
        assert not late, (late, self.refusals(), self.logs())

    async def start(self, mesh: Mesh) -> None:
        """Make the running pods those of `mesh`."""
        self.mesh = mesh
        for name in self.apps.keys() - mesh.workloads.keys():
            await self.stop(name)
        for name, workload in mesh.workloads.items():
            if name not in self.apps:
                await self._start_apps(workload)
                if workload.meshed:
                    await self._start_envoy(workload)

    def renew(self) -> None:
        """Give the sidecars the files that they should have now, as a supervisor does."""
        for name in self.envoys:
            for file, text in self.backend.sidecar(self.mesh.workloads[name]).files.items():
                new = self.directory(name) / f"{file}.new"
                new.write_text(text.replace("{directory}", str(self.directory(name))))
                new.replace(self.directory(name) / file)

    async def stop(self, name: NamespacedName) -> None:
        """End one pod."""
        envoy = self.envoys.pop(name, None)
        if envoy is not None:
            if envoy.returncode is None:
                envoy.terminate()
            await envoy.wait()
        await self.apps.pop(name).aclose()

    async def close(self) -> None:
        """End every pod."""
        for name in tuple(self.apps):
            await self.stop(name)

    def directory(self, name: NamespacedName) -> Path:
        """Where a pod's sidecar has its files."""
        return self.state / f"{name.namespace}.{name.name}"

    def directories(self) -> dict[NamespacedName, Path]:
        """The directories of the running sidecars."""
        return {name: self.directory(name) for name in self.envoys}

    def refusals(self) -> dict[NamespacedName, str]:
        """What proxies refused."""
        said = self.backend.acknowledgements()
        return {name: ack.refused for name, ack in said.items() if ack.refused}

    def logs(self) -> str:
        """What the Envoys wrote."""
        files = (self.directory(name) / "log" for name in self.envoys)
        return "\n".join(file.read_text() for file in files if file.exists())

    async def request(
        self,
        client: NamespacedName,
        url: str | URL,
        method: str = "GET",
        *,
        session: aiohttp.ClientSession | None = None,
        headers: Iterable[tuple[str, str]] = (),
        data: bytes | None = None,
    ) -> Answer:
        """A request through the HTTP proxy of `client`'s sidecar, on `session` where given."""
        async with AsyncExitStack() as stack:
            if session is None:
                session = await stack.enter_async_context(aiohttp.ClientSession())
            response = await stack.enter_async_context(
                session.request(method, url, proxy=self.proxy(client), headers=headers, data=data)
            )
            return Answer(response.status, await response.text(), dict(response.headers))

    def proxy(self, client: NamespacedName) -> str:
        """The HTTP proxy of a pod."""
        workload = self.mesh.workloads[client]
        assert workload.loopback is not None
        return f"http://{workload.address}:{workload.loopback.proxy}"

    def door(self, client: NamespacedName, service: NamespacedName, port: int) -> tuple[str, int]:
        """Where `client`'s sidecar stands for one port of a Service."""
        workload = self.mesh.workloads[client]
        assert workload.loopback is not None
        return workload.address, workload.loopback.services[service, port]

    async def _start_envoy(self, workload: Workload) -> None:
        directory = self.directory(workload.name)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        sidecar = self.backend.sidecar(workload)
        for file, text in sidecar.files.items():
            (directory / file).write_text(text.replace("{directory}", str(directory)))
        command = [part.replace("{directory}", str(directory)) for part in sidecar.command]
        with (directory / "log").open("wb") as log:
            self.envoys[workload.name] = await asyncio.create_subprocess_exec(
                *command, *self.extra, stdout=log, stderr=log
            )

    async def _start_apps(self, workload: Workload) -> None:
        stack = self.apps[workload.name] = AsyncExitStack()
        assert workload.loopback is not None
        for port, detour in workload.loopback.detours.items():
            app = banner if port in self.banners else echo
            await stack.enter_async_context(
                app(str(workload.name), detour.application, application_host(workload))
            )


@asynccontextmanager
async def lab(
    banners: Iterable[int] = (),
    lifetimes: Lifetimes = Lifetimes(),  # noqa: B008 - a value
    root: Root | None = None,
) -> AsyncIterator[Lab]:
    """A lab whose backend serves from this process, and issues under `root` where one is given."""
    with tempfile.TemporaryDirectory(prefix="smi") as directory:
        if root is not None:
            store.save_roots(Path(directory), (root,))
        backend = EnvoyBackend.on_this_machine(Path(directory), TRUST_DOMAIN, clock, lifetimes)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(backend.run())
            found = Lab(Path(directory), backend, frozenset(banners))
            try:
                yield found
            finally:
                await found.close()
                serving.cancel()


@asynccontextmanager
async def echo(pod: str, port: int, host: str = LOCALHOST) -> AsyncIterator[None]:
    """An HTTP application that says what it saw. `/slow/<seconds>` takes its time."""

    async def answer(request: web.Request) -> web.Response:
        if request.path.startswith("/slow/"):
            await asyncio.sleep(float(request.path.removeprefix("/slow/")))
        seen = [[key, value] for key, value in request.headers.items()]
        body = (await request.read()).decode()
        told = {"pod": pod, "method": request.method, "path": request.raw_path}
        return web.json_response({**told, "headers": seen, "body": body})

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def banner(pod: str, port: int, host: str = LOCALHOST) -> AsyncIterator[None]:
    """A TCP application that speaks first: its banner and its pod's name; then it echoes."""

    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            writer.write(BANNER + pod.encode() + b"\r\n")
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, host, port)
    try:
        yield
    finally:
        server.close()
        for writer in tuple(writers):
            writer.transport.abort()
        await server.wait_closed()
