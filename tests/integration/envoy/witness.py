"""Applications that note all that arrives, and requests to them, byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from smi.model.mesh import Mesh
from smi.model.workload import Workload
from smi_envoy.ca import store
from smi_envoy.ca.authority import Authority, new_root
from tests import builders as a
from tests.integration.envoy.harness import TRUST_DOMAIN, Lab, Loopback, clock, lab

WEB, FRONT, INTRUDER = a.name("web-0"), a.name("front-0"), a.name("intruder-0")
ALLOWED, DENIED = "/api", "/secret"
PATIENCE = 5.0


@dataclass(slots=True)
class Witness(Lab):
    """Owns pods whose applications note the head of every request, and answer 200.

    `/fails` answers 503, `/late` after half a second.
    """

    arrived: list[str] = field(default_factory=list)

    async def _start_apps(self, workload: Workload) -> None:
        stack = self.apps[workload.name] = AsyncExitStack()
        assert workload.loopback is not None
        for detour in workload.loopback.detours.values():
            await stack.enter_async_context(self._application(workload, detour.application))

    @asynccontextmanager
    async def _application(self, workload: Workload, port: int) -> AsyncIterator[None]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                    self.arrived.append(f"{workload.name.name} {head}")
                    if " /api/late" in head:
                        await asyncio.sleep(0.5)
                    status = "503 Sorry" if " /api/fails" in head else "200 OK"
                    writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()

    def headers(self) -> dict[str, str]:
        """The headers of the last request that arrived."""
        lines = self.arrived[-1].split("\r\n")[1:]
        pairs = (line.split(": ", 1) for line in lines if line)
        return {name.lower(): value for name, value in pairs}


def world(loopback: Loopback) -> Mesh:
    """`front` may GET /api of `web`; `intruder` may nothing; `vault` is nobody's to call."""
    web, vault = (
        a.workload(f"{n}-0", n, address=loopback.address(), detours=loopback.detours(8080))
        for n in ("web", "vault")
    )
    doors = {("web", 80): 15080}
    front = a.workload("front-0", "front", address=loopback.address(), services=doors)
    intruder = a.workload("intruder-0", "intruder", address=loopback.address(), services=doors)
    route = a.route("web", 80)
    rule = a.rule("web", "front", http=[a.match(ALLOWED, ["GET"])])
    return a.mesh(
        workloads=[web, vault, front, intruder],
        services=[a.service("web", 80, [web], 8080), a.service("vault", 80, [vault], 8080)],
        routes=[route, a.route("vault", 80)],
        inbounds=[a.inbound(a.group("web"), rule)],
        outbounds={"front": [route], "intruder": []},
    )


@asynccontextmanager
async def witness() -> AsyncIterator[Witness]:
    """`world`, running."""
    async with lab() as found:
        own = Witness(found.state, found.backend, found.banners)
        try:
            await own.publish(world(Loopback()))
            yield own
        finally:
            await own.close()


@dataclass(frozen=True, slots=True)
class Way:
    """Where a request enters: `proxy` or `door` of the client's sidecar, or the `server`."""

    name: str

    def to(self, running: Lab, account: str) -> tuple[str, int, ssl.SSLContext | None]:
        """The address and port, and the TLS that a stolen certificate of `account` allows."""
        client = running.mesh.workloads[a.name(f"{account}-0")]
        web = running.mesh.workloads[WEB]
        assert client.loopback is not None
        assert web.loopback is not None
        match self.name:
            case "proxy":
                return client.address, client.loopback.proxy, None
            case "door":
                return client.address, client.loopback.services[a.name("web"), 80], None
            case _:
                port = web.loopback.detours[8080].inbound
                return web.address, port, tls(running, account)


PROXY, DOOR, SERVER = Way("proxy"), Way("door"), Way("server")
WAYS = [pytest.param(way, id=way.name) for way in (PROXY, DOOR, SERVER)]


def tls(running: Lab, account: str, *, foreign: bool = False) -> ssl.SSLContext:
    """A client's TLS with an SVID of `account`, of the mesh's CA or of one that is its double."""

    def now() -> float:
        return clock().timestamp()

    root = (
        new_root(TRUST_DOMAIN, now())
        if foreign
        else store.load_roots(running.state, TRUST_DOMAIN, now)[0]
    )
    issued = Authority(root, now).issue(a.spiffe(account), (f"uid-{account}-0",))
    file = running.state / f"{account}{foreign}.pem"
    file.write_bytes(issued.cert_chain_pem + issued.key_pem)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(file)
    return context


async def say(running: Lab, way: Way, account: str, text: str) -> list[int]:
    """The statuses of all that is answered to `text`, until the connection ends."""
    address, port, context = way.to(running, account)
    return await spoken(address, port, context, text)


async def spoken(
    address: str, port: int, context: ssl.SSLContext | None, text: str, sni: str = "http.smi-mesh"
) -> list[int]:
    found: list[int] = []
    try:
        reader, writer = await asyncio.open_connection(
            address, port, ssl=context, server_hostname=sni if context else None
        )
    except (OSError, ssl.SSLError):
        return found
    writer.write(text.replace("\n", "\r\n").encode("latin-1"))
    try:
        async with asyncio.timeout(PATIENCE):
            while line := await reader.readline():
                if line.startswith(b"HTTP/1.1 "):
                    found.append(int(line.split()[1]))
                if line.lower() == b"connection: close\r\n":
                    break  # Envoy keeps it open for a second more
    except (TimeoutError, OSError, ssl.SSLError):
        pass
    finally:
        writer.transport.abort()
    return found


def get(path: str, *headers: str, method: str = "GET", host: str = "web.shop") -> str:
    """One request, after which the connection ends."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *headers, "connection: close"]
    return "\n".join([*lines, "", ""])
