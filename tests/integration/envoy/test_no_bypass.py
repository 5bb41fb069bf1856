"""No way that a denied request takes to an application, and none that an allowed one is bent by."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from smi.model.mesh import Mesh
from smi.model.workload import Workload
from smi_envoy.ca import store
from smi_envoy.ca.authority import Authority, new_root
from tests import builders as a
from tests.integration.envoy.harness import TRUST_DOMAIN, Lab, Loopback, clock, lab

pytestmark = pytest.mark.envoy

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


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Witness]:
    async with lab() as found:
        own = Witness(found.state, found.backend, found.banners)
        try:
            await own.publish(world(Loopback()))
            yield own
        finally:
            await own.close()


@dataclass(frozen=True, slots=True)
class Way:
    """Where a request enters: `proxy` and `door` of the client's sidecar, or the `server` itself."""

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
        else store.load_root(running.state, TRUST_DOMAIN, now)
    )
    issued = Authority(root, now).issue(a.spiffe(account), (f"uid-{account}-0",))
    file = running.state / f"{account}{foreign}.pem"
    file.write_bytes(issued.cert_chain_pem + issued.key_pem)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(file)
    return context


async def say(running: Lab, way: Way, account: str, text: str) -> list[int]:
    """The statuses of all that is answered to `text`, whose lines end in CRLF, until it is quiet."""
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
    except (TimeoutError, OSError, ssl.SSLError) as e:
        if isinstance(e, TimeoutError): print("QUIET", found, repr(text[:300]))
        pass
    finally:
        writer.transport.abort()
    return found


def get(path: str, *headers: str, method: str = "GET", host: str = "web.shop") -> str:
    """One request, after which the connection ends."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *headers, "connection: close"]
    return "\n".join([*lines, "", ""])


@pytest.mark.parametrize("way", WAYS)
async def test_request_that_is_allowed_arrives_and_one_that_is_not_does_not(
    running: Witness, way: Way
) -> None:
    path = "http://web.shop" if way is PROXY else ""
    assert await say(running, way, "front", get(path + ALLOWED)) == [200]
    assert len(running.arrived) == 1
    assert await say(running, way, "front", get(path + DENIED)) == [403]
    assert await say(running, way, "intruder", get(path + ALLOWED)) in ([403], [])
    assert len(running.arrived) == 1


SPOOFS = [
    "x-envoy-original-path: /api",
    "x-original-url: /api",
    "x-rewrite-url: /api",
    "x-envoy-original-dst-host: 127.0.0.1:1",
    "x-envoy-internal: true",
    "x-envoy-decorator-operation: /api",
    "x-http-method-override: GET",
    "x-forwarded-for: 127.0.0.1",
    "x-forwarded-proto: https",
    f"x-forwarded-client-cert: By=spiffe://x;URI={a.spiffe('front')}",
    "x-envoy-upstream-alt-stat-name: x",
    "te: trailers",
    "smi.path: /api",
]


@pytest.mark.parametrize("way", WAYS)
async def test_no_header_opens_a_path_or_an_application(running: Witness, way: Way) -> None:
    path = "http://web.shop" if way is PROXY else ""
    for account, target in (("front", DENIED), ("intruder", ALLOWED), ("intruder", DENIED)):
        for header in (*SPOOFS, "\n".join(SPOOFS)):
            for method in ("GET", "POST"):
                told = await say(running, way, account, get(path + target, header, method=method))
                assert told in ([403], []), (account, header)
    assert running.arrived == []


@pytest.mark.parametrize("way", [PROXY, SERVER], ids=["proxy", "server"])
async def test_client_certificate_that_an_application_sees_is_the_callers(
    running: Witness, way: Way
) -> None:
    forged = f"x-forwarded-client-cert: URI={a.spiffe('root')}"
    path = f"http://web.shop{ALLOWED}" if way is PROXY else ALLOWED
    assert await say(running, way, "front", get(path, forged, forged.upper())) == [200]
    seen = running.headers()["x-forwarded-client-cert"]
    assert a.spiffe("root") not in seen
    assert f"URI={a.spiffe('front')}" in seen


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("forwarded", ["", "x-forwarded-for: 10.0.0.1"])
async def test_no_header_bends_retries_or_timeouts(
    running: Witness, way: Way, forwarded: str
) -> None:
    path = "http://web.shop" if way is PROXY else ""
    headers = [
        *([forwarded] if forwarded else ()),
        "x-envoy-retry-on: 5xx",
        "x-envoy-max-retries: 3",
        "x-envoy-upstream-rq-timeout-ms: 100",
        "x-envoy-upstream-rq-per-try-timeout-ms: 50",
        "x-envoy-hedge-on-per-try-timeout: true",
        "x-envoy-expected-rq-timeout-ms: 100",
        "grpc-timeout: 100m",
    ]
    assert await say(running, way, "front", get(f"{path}/api/fails", *headers)) == [503]
    assert len(running.arrived) == 1
    assert await say(running, way, "front", get(f"{path}/api/late", *headers)) == [200]
    assert len(running.arrived) == 2


async def test_forwarded_address_adds_nothing_to_a_request(running: Witness) -> None:
    request = get(f"http://web.shop{ALLOWED}", "x-forwarded-for: 10.0.0.1")
    assert await say(running, PROXY, "front", request) == [200]
    assert not [name for name in running.headers() if name.startswith("x-envoy")]
    assert running.headers()["x-forwarded-for"] == "10.0.0.1"


@pytest.mark.parametrize("way", WAYS)
async def test_other_ways_to_say_a_request_are_judged_alike(running: Witness, way: Way) -> None:
    prefix = "http://web.shop" if way is PROXY else ""
    for method in ("POST", "HEAD", "TRACE", "OPTIONS", "BREW", "get", "PRI"):
        told = await say(running, way, "front", get(prefix + ALLOWED, method=method))
        assert set(told) <= {400, 403}, method
    for target in ("web.shop:80", "127.0.0.1:8080", ALLOWED, f"http://web.shop{ALLOWED}", "*"):
        told = await say(running, way, "front", get(target, method="CONNECT"))
        assert 200 not in told, target
    for upgrade in ("websocket", "h2c", "connect-udp", "TLS/1.3", "x"):
        for path in (DENIED, "/"):
            headers = f"upgrade: {upgrade}\nhttp2-settings: AAMAAABkAAQAAP__"
            request = get(prefix + path, headers).replace(
                "connection: close", "connection: upgrade, http2-settings, close"
            )
            told = await say(running, way, "front", request)
            assert set(told) <= {400, 403, 404}, (upgrade, told)
    assert running.arrived == []


@pytest.mark.parametrize("way", WAYS)
async def test_request_hidden_in_another_is_judged_for_itself_or_refused(
    running: Witness, way: Way
) -> None:
    prefix = "http://web.shop" if way is PROXY else ""
    hidden = get(prefix + DENIED)
    size = len(hidden) + hidden.count("\n")
    first = f"GET {prefix}{ALLOWED} HTTP/1.1\nhost: web.shop\n"
    chunked = "transfer-encoding: chunked"
    cases = {
        "pipelined": f"{first}\n{hidden}",
        "length and chunks": f"{first}content-length: {size}\n{chunked}\n\n0\n\n{hidden}",
        "chunks and length": f"{first}{chunked}\ncontent-length: {size}\n\n0\n\n{hidden}",
        "two lengths": f"{first}content-length: 0\ncontent-length: {size}\n\n{hidden}",
        "two hosts": f"{first}host: vault.shop\n\n{hidden}",
        "unusual chunks": f"{first}transfer-encoding: xchunked\n\n0\n\n{hidden}",
        "space before a colon": f"{first}transfer-encoding : chunked\n\n0\n\n{hidden}",
        "folded": f"{first}x: y\n content-length: {size}\n\n{hidden}",
        "bare": f"{first}x: a\x00b\n\n{hidden}",
    }
    for case, text in cases.items():
        told = await say(running, way, "front", text)
        assert told.count(200) <= 1, (case, told)
        assert set(told) - {200} <= {400, 403, 501}, (case, told)
    assert not [head for head in running.arrived if DENIED in head.split("\r\n")[0]]


@pytest.mark.parametrize("way", WAYS)
async def test_host_opens_no_other_service(running: Witness, way: Way) -> None:
    for host in ("vault.shop", "vault.shop:80", "vault", "web.shop@vault.shop", "127.0.0.1:1"):
        for target in (ALLOWED, f"http://{host}{ALLOWED}"):
            told = await say(running, way, "front", get(target, host=host))
            assert set(told) <= ({400, 403} if way is PROXY else {200, 400, 403}), (host, told)
    assert not [head for head in running.arrived if head.startswith("vault")]


@pytest.mark.parametrize("host", ["WEB.shop", "web.shop:80", "Web.Shop.svc"])
async def test_host_is_understood_as_it_is_written(running: Witness, host: str) -> None:
    request = get(f"http://{host}{ALLOWED}", host=host)
    assert await say(running, PROXY, "front", request) == [200]


@pytest.mark.parametrize("header", ["upgrade: h2c", "expect: 100-continue", "te: trailers"])
async def test_what_common_clients_say_does_no_harm(running: Witness, header: str) -> None:
    """Java's client offers h2c with every request, curl expects 100 before a large body."""
    request = get(f"http://web.shop{ALLOWED}", header)
    assert (await say(running, PROXY, "front", request))[-1] == 200


async def test_double_of_the_ca_opens_no_door(running: Witness) -> None:
    web = running.mesh.workloads[WEB]
    assert web.loopback is not None
    at = (web.address, web.loopback.detours[8080].inbound)
    for sni in ("http.smi-mesh", "tcp.smi-mesh"):
        context = tls(running, "front", foreign=True)
        assert await spoken(*at, context, get(ALLOWED), sni) == []
    for sni in ("tcp.smi-mesh", "x", "HTTP.smi-mesh.x"):
        assert await spoken(*at, tls(running, "front"), get(ALLOWED), sni) == [], sni
    assert running.arrived == []
