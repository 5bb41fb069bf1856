"""What a name or an address means to a client: a Service, one pod, a host outside, or nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from smi.decision.request import Request
from tests import builders as a
from tests.integration.envoy import speech, town
from tests.integration.envoy.speech import Answer, Dialled
from tests.integration.envoy.town import Town

pytestmark = pytest.mark.envoy

CALLER, STRANGER = "front-0", "loiterer-0"


@asynccontextmanager
async def databases(*more: town.Document, port: str = "http") -> AsyncIterator[Town]:
    """`front` may call the three pods of `db`; `loiterer` may not."""
    documents = [
        *town.app("front"),
        *town.app("loiterer"),
        *town.stateful("db", 3, port),
        *more,
    ]
    async with town.town(*documents) as found:
        yield found


def open_to_requests() -> list[town.Document]:
    """`front` may send any request to `db`."""
    return [town.grant("db", "db", ["front"]), town.routes("all")]


def open_to_bytes() -> list[town.Document]:
    """`front` may open connections to `db`."""
    return town.bytes_grant("db", "db", ["front"])


async def call(playing: Town, host: str, client: str = CALLER) -> Answer:
    """A request for `host` to the HTTP proxy of `client`, on a connection of its own."""
    request = Request(source=f"pod/shop/{client}", target="shop/db:80")
    return await speech.ask(proxy(playing, client), request, f"http://{host}/x", host)


def proxy(playing: Town, client: str = CALLER) -> Dialled:
    """The HTTP proxy of a pod."""
    workload = playing.lab.mesh.workloads[a.name(client)]
    assert workload.loopback is not None
    return Dialled(workload.address, workload.loopback.proxy)


def address(playing: Town, pod: str) -> str:
    """A pod's own address."""
    return playing.lab.mesh.workloads[a.name(pod)].address


async def tunnel(
    playing: Town, host: str, client: str = CALLER
) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
    """CONNECT; the status, and what is then a connection."""
    to = proxy(playing, client)
    reader, writer = await asyncio.open_connection(to.address, to.port)
    writer.write(f"CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1]), reader, writer


async def said_through(playing: Town, host: str, client: str = CALLER) -> tuple[int, str]:
    """The status of CONNECT, and which pod answers through the tunnel; empty where it closes."""
    async with asyncio.timeout(8):
        status, reader, writer = await tunnel(playing, host, client)
        try:
            writer.write(speech.HELLO)
            return status, (await reader.readline()).decode().strip() if status == 200 else ""
        except ConnectionError:
            return status, ""
        finally:
            writer.transport.abort()


async def counted(playing: Town) -> Counter[tuple[str, str]]:
    """What clients sent, by where to and what came of it."""
    await asyncio.sleep(0.3)  # access loggers count what has ended
    found: Counter[tuple[str, str]] = Counter()
    for flow in (await playing.lab.backend.traffic(playing.lab.directories())).flows:
        found[str(flow.root or flow.host), flow.status] += flow.count
    return found


NAMES = ("db-1.db", "db-1.db.shop", "db-1.db.shop.svc", "db-1.db.shop.svc.cluster.local")


async def test_pod_is_called_by_each_of_its_names_and_by_its_address() -> None:
    async with databases(*open_to_requests()) as playing:
        for host in (*NAMES, "DB-1.db.Shop", address(playing, "db-1")):
            answers = {await call(playing, f"{host}:8080") for _ in range(5)}
            assert {(x.status, x.pod) for x in answers} == {(200, "shop/db-1")}, host


async def test_policy_of_the_pod_judges_calls_by_its_name() -> None:
    async with databases(*open_to_requests()) as playing:
        assert (await call(playing, "db-1.db:8080", STRANGER)).status == 403
        await playing.play(town.routes("all", {"pathRegex": "/y"}))
        assert (await call(playing, "db-1.db:8080")).reason == "RouteNotGranted"


async def test_split_of_the_service_does_not_touch_calls_that_name_a_pod() -> None:
    split = town.split("s", "db", {"other": 1})
    documents = [*open_to_requests(), *town.app("other", account="db"), split]
    async with databases(*documents) as playing:
        assert (await call(playing, "db.shop")).pod == "shop/other-0"
        for host in ("db-2.db:8080", f"{address(playing, 'db-2')}:8080"):
            assert (await call(playing, host)).pod == "shop/db-2"


async def test_name_of_a_headless_service_means_all_its_pods() -> None:
    async with databases(*open_to_requests()) as playing:
        pods = Counter([(await call(playing, "db.shop")).pod for _ in range(9)])
        assert pods == {"shop/db-0": 3, "shop/db-1": 3, "shop/db-2": 3}


async def test_pod_that_is_not_ready_or_gone_is_unavailable_at_once() -> None:
    async with databases(*open_to_requests()) as playing:
        playing.absent.add(a.name("db-1"))
        await playing.play()
        for host in ("db-1.db:8080", "db-7.db.shop:8080", f"{address(playing, 'db-1')}:8080"):
            async with asyncio.timeout(2):
                answer = await call(playing, host)
                assert answer.status == 503, host
                assert (await said_through(playing, host))[0] == 503
        assert (await call(playing, "db-0.db:8080")).status == 200
        playing.absent.clear()
        await playing.play()
        assert (await call(playing, "db-1.db:8080")).status == 200


async def test_tunnel_reaches_the_bytes_of_a_service_and_of_one_pod() -> None:
    async with databases(*open_to_bytes(), port="tcp-db") as playing:
        pods = Counter([(await said_through(playing, "db.shop:80"))[1] for _ in range(9)])
        assert pods == {"shop/db-0": 3, "shop/db-1": 3, "shop/db-2": 3}
        for host in (*NAMES, address(playing, "db-1")):
            assert await said_through(playing, f"{host}:8080") == (200, "shop/db-1")


async def test_tunnels_are_counted_as_connections_to_the_service() -> None:
    async with databases(*open_to_bytes(), port="tcp-db") as playing:
        for host in ("db.shop:80", "db-1.db.shop:8080", "db-0.db.shop:8080"):
            await said_through(playing, host)
        assert await counted(playing) == {("shop/db", "ok"): 3}
        await playing.play(*town.bytes_grant("db", "db", ["loiterer"]))
        await said_through(playing, "db-1.db.shop:8080")
        await said_through(playing, "db-1.db.shop:8080", STRANGER)
        assert (await counted(playing))["shop/db", "ok"] == 4


async def test_tunnel_that_policy_does_not_allow_closes_and_an_unknown_one_is_refused() -> None:
    async with databases(*open_to_requests(), port="tcp-db") as playing:
        # The server refuses in the handshake, of which a client of TLS 1.3 hears afterwards.
        assert await said_through(playing, "db.shop:80") == (200, "")
        assert await said_through(playing, "db-1.db.shop:8080") == (200, "")
        for host in ("db.shop:80", "db-1.db.shop:8080", "db-1.db:8080", "nothing:1", "x.shop:80"):
            status, reader, writer = await tunnel(playing, host, STRANGER)
            assert status == 403, host
            assert (await reader.readline()).startswith(b"smi-mesh: AccessDenied: ")
            writer.transport.abort()


async def test_tunnel_to_a_service_of_http_is_judged_by_its_requests() -> None:
    async with databases(*open_to_requests()) as playing:
        await playing.play(town.routes("all", {"pathRegex": "/y"}))
        for path, status in (("/y", b"200"), ("/x", b"403")):
            opened, reader, writer = await tunnel(playing, "db.shop:80")
            assert opened == 200
            writer.write(f"GET {path} HTTP/1.1\r\nhost: whoever\r\n\r\n".encode())
            assert (await reader.readline()).split()[1] == status
            writer.transport.abort()
