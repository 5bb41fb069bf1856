"""What an edit of policy does to TCP connections that are there: it ends those whose grant is gone.

Servers and clients keep their routes all along, so that nothing else could end a connection.
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import aiohttp
import pytest
import pytest_asyncio

from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid
from smi.model.inbound import Mode, Rule
from smi.model.mesh import Mesh
from smi.model.service import AppProtocol
from smi_envoy import admin
from smi_envoy.translate import names
from tests import builders as a
from tests.integration.envoy.harness import BANNER, Lab, Loopback, lab
from tests.integration.envoy.witness import tls

pytestmark = pytest.mark.envoy

DB, WEB = a.name("db"), a.name("web")
SERVER, FRONT, BACK, INTRUDER = map(a.name, ("db-0", "front-0", "back-0", "intruder-0"))
PORT = 5432
REVOKED_AFTER = 5.0  # seconds
DRAINED = 4.0  # seconds, after which no chain is left that an edit dropped
EDITS = 100

ANY = a.rule("any", "front")
BY_UID = a.rule("by-uid", pods=["uid-front-0"])


def world(loopback: Loopback, *rules: Rule) -> Mesh:
    """One port of one pod as two Services: `db` over TCP, `web` over HTTP. All know the way."""
    server = a.workload("db-0", "db", address=loopback.address(), detours=loopback.detours(PORT))
    doors = {("db", PORT): 15432, ("web", PORT): 15080}
    clients = [
        a.workload(str(pod.name), pod.name[:-2], address=loopback.address(), services=doors)
        for pod in (FRONT, BACK, INTRUDER)
    ]
    routes = [a.route("db", PORT, speaks=AppProtocol.TCP), a.route("web", PORT)]
    return a.mesh(
        workloads=[server, *clients],
        services=[
            a.service("db", PORT, [server], speaks=AppProtocol.TCP),
            a.service("web", PORT, [server]),
        ],
        routes=routes,
        inbounds=[a.inbound(a.group("db"), *rules)],
        outbounds={client.identity.name: routes for client in clients},
    )


def protected_by(
    mesh: Mesh, *rules: Rule, bindings: Iterable[str] = (), mode: Mode = Mode.STRICT
) -> Mesh:
    """`mesh` with other rules for the server, whose pod belongs to `bindings`, and its mode."""
    group = a.group("db", *bindings)
    server = replace(mesh.workloads[SERVER], group=group)
    workloads = {**mesh.workloads, SERVER: server}
    inbound = replace(a.inbound(group, *rules), mode=mode)
    return replace(mesh, workloads=workloads, inbound={group: inbound})


@dataclass(slots=True)
class Connection:
    """An established TCP connection to the banner of `db`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def echoes(self) -> bool:
        """Whether the application still answers on this very connection."""
        self.writer.write(b"ping\n")
        async with asyncio.timeout(5):
            return await self.reader.read(100) == b"ping\n"

    async def ended(self) -> float:
        """Wait for its end; when it came."""
        with suppress(ConnectionResetError):
            await self.reader.read()
        return time.monotonic()


Dial = Callable[[NamespacedName], Awaitable[Connection]]


async def heard(running: Lab, client: NamespacedName) -> bytes:
    """All that a new connection of a denied `client` receives until it is closed."""
    reader, writer = await asyncio.open_connection(*running.door(client, DB, PORT))
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def directly(running: Lab, account: str, sni: str) -> bytes:
    """What the server says first to a certificate of `account` that shows `sni`."""
    server = running.mesh.workloads[SERVER]
    assert server.loopback is not None
    at = (server.address, server.loopback.detours[PORT].inbound)
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(
                *at, ssl=tls(running, account), server_hostname=sni
            )
            try:
                return await reader.readline()
            finally:
                writer.close()
    except (ssl.SSLError, ConnectionError):
        return b""


async def counters(running: Lab, pod: NamespacedName, regex: str) -> dict[str, int]:
    """Counters and gauges of a sidecar."""
    text = await admin.ask(running.directory(pod), f"/stats?format=json&filter={regex}")
    stats = json.loads(text or "{}")["stats"]
    return {stat["name"]: stat["value"] for stat in stats if "value" in stat}


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Lab]:
    async with lab(banners=[PORT]) as found:
        await found.publish(world(Loopback(), a.rule("any", "front", "back")))
        yield found


@pytest_asyncio.fixture
async def established(running: Lab) -> AsyncIterator[Dial]:
    """Makes connections of a pod that have heard the banner; the test's end closes them."""
    made: list[Connection] = []

    async def dial(client: NamespacedName) -> Connection:
        found = Connection(*await asyncio.open_connection(*running.door(client, DB, PORT)))
        made.append(found)
        async with asyncio.timeout(5):
            assert await found.reader.readline() == BANNER
            assert (await found.reader.readline()).startswith(b"shop/db-0")
        return found

    yield dial
    for one in made:
        one.writer.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([ANY], []),
        ([ANY], [a.rule("requests", "front", http=[a.match("/")])]),
        ([ANY], [a.rule("elsewhere", "front", ports=[1])]),
        ([BY_UID], []),
        ([ANY, BY_UID], []),
    ],
    ids=["all", "requests stay", "another port stays", "pod", "account and pod"],
)
async def test_connection_whose_grant_is_gone_is_closed_and_no_other(
    running: Lab, established: Dial, before: list[Rule], after: list[Rule]
) -> None:
    other = a.rule("other", "back")
    mesh = running.mesh
    await running.publish(protected_by(mesh, other, *before))
    revoked, kept = await established(FRONT), await established(BACK)
    start = time.monotonic()
    ended = asyncio.create_task(revoked.ended())
    await running.publish(protected_by(mesh, other, *after))
    assert await heard(running, FRONT) == b""
    async with asyncio.timeout(10):
        took = await ended - start
    assert took < REVOKED_AFTER
    assert await kept.echoes()
    await running.publish(protected_by(mesh, other, *before))
    again = await established(FRONT)
    await asyncio.sleep(DRAINED)
    assert await again.echoes()
    assert await kept.echoes()


async def test_last_grant_leaves_no_way_in(running: Lab, established: Dial) -> None:
    revoked = [await established(pod) for pod in (FRONT, BACK)]
    start = time.monotonic()
    await running.publish(protected_by(running.mesh))
    async with asyncio.timeout(10):
        ends = await asyncio.gather(*(one.ended() for one in revoked))
    assert max(ends) - start < REVOKED_AFTER
    for account, pod in (("front", FRONT), ("back", BACK)):
        assert await heard(running, pod) == b""
        for sni in (names.TCP_SNI, names.tcp_sni(PodUid(f"uid-{account}-0"))):
            assert await directly(running, account, sni) == b""


async def test_who_shows_the_server_name_of_another_hears_nothing(running: Lab) -> None:
    front = names.tcp_sni(PodUid("uid-front-0"))
    assert await directly(running, "front", front) == BANNER
    assert await directly(running, "back", front) == b""
    for account in ("front", "intruder"):
        for lie in (*(f"uid-{other}-0" for other in ("back", "intruder")), "*", ""):
            assert await directly(running, account, names.tcp_sni(PodUid(lie))) == b"", lie
        for lie in (names.TCP_SNI, f"x.{front}", f"*.{names.TCP_SNI}", front.partition(".")[0]):
            assert await directly(running, account, lie) == b"", lie
    assert await directly(running, "intruder", front) == b""
    assert await heard(running, INTRUDER) == b""


async def test_new_pod_of_a_granted_account_is_let_in_and_closes_no_connection(
    running: Lab, established: Dial
) -> None:
    kept = await established(FRONT)
    mesh, address = running.mesh, "127.14.{}.{}".format(*divmod(time.monotonic_ns() % 60000, 250))
    more = a.workload("front-1", "front", address=address, services={("db", PORT): 15432})
    await running.publish(replace(mesh, workloads={**mesh.workloads, more.name: more}))
    assert await (await established(more.name)).echoes()
    await running.publish(mesh)
    await asyncio.sleep(DRAINED)
    assert await kept.echoes()


async def test_server_under_other_policies_keeps_the_connections_that_they_grant(
    running: Lab, established: Dial
) -> None:
    kept, revoked = await established(FRONT), await established(BACK)
    await running.publish(protected_by(running.mesh, ANY, bindings=["blue"]))
    async with asyncio.timeout(REVOKED_AFTER):
        await revoked.ended()
    await asyncio.sleep(DRAINED)
    assert await kept.echoes()


async def test_change_of_mode_closes_what_no_policy_grants_and_nothing_else(
    running: Lab, established: Dial
) -> None:
    await running.publish(protected_by(running.mesh, ANY))
    kept = await established(FRONT)
    for mode in (Mode.PERMISSIVE, Mode.AUDIT, Mode.PERMISSIVE):
        await running.publish(protected_by(running.mesh, ANY, mode=mode))
    guest = await established(BACK)
    await asyncio.sleep(DRAINED)
    assert await kept.echoes()
    assert await guest.echoes()
    await running.publish(protected_by(running.mesh, ANY))
    async with asyncio.timeout(REVOKED_AFTER):
        await guest.ended()
    assert await heard(running, BACK) == b""
    await asyncio.sleep(DRAINED)
    assert await kept.echoes()


def edits() -> Iterable[tuple[Rule, ...]]:
    """Policies all of which let `front` in, for one reason or another, over TCP and HTTP."""
    others = (
        (),
        (a.rule("back", "back"),),
        (a.rule("back", pods=["uid-back-0"]), a.rule("more", pods=["x", "y"])),
        (a.rule("back", "back", "intruder", http=[a.match("/a")]),),
        (a.rule("back", "back", "intruder"),),
    )
    reasons = ((ANY,), (ANY, BY_UID), (BY_UID,), (replace(ANY, target=a.name("z")), BY_UID))
    for number in range(EDITS):
        yield (*others[number % len(others)], *reasons[number % len(reasons)])


async def test_no_edit_closes_a_connection_whose_grant_stands() -> None:
    async with lab() as running:
        await running.publish(world(Loopback(), ANY))
        reader, writer = await asyncio.open_connection(*running.door(FRONT, DB, PORT))

        async def ask() -> None:
            """An HTTP request as bytes over the one TCP connection."""
            writer.write(b"GET /kept HTTP/1.1\r\nhost: db\r\n\r\n")
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(x for x in head.lower().split(b"\r\n") if x.startswith(b"content-le"))
                await reader.readexactly(int(size.partition(b":")[2]))
            assert head.startswith(b"HTTP/1.1 200")

        await ask()
        address, port = running.door(FRONT, WEB, PORT)
        async with aiohttp.ClientSession() as session:

            async def request() -> None:
                async with session.get(f"http://{address}:{port}/kept") as response:
                    assert response.status == 200
                    await response.read()

            await request()
            before = await counters(running, SERVER, "listener_manager.*")
            for rules in edits():
                await running.publish(protected_by(running.mesh, *rules))
                await ask()
                await request()
            await asyncio.sleep(DRAINED)
            await ask()
            await request()
            after = await counters(running, SERVER, "(listener_manager|(http|tcp).inbound).*")
        writer.close()
    for kind in ("http", "tcp"):
        assert after[f"{kind}.inbound/shop/db-0/{PORT}.downstream_cx_total"] == 1
    assert after[f"http.inbound/shop/db-0/{PORT}.downstream_cx_destroy"] == 0
    edited, in_place = (
        after[key] - before[key]
        for key in (
            "listener_manager.listener_modified",
            "listener_manager.listener_in_place_updated",
        )
    )
    assert edited == in_place >= EDITS // 2  # the edits did concern the door
