"""TCP between real Envoys: the handshake decides, before an application says a word."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from smi.backend import Silence
from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.outbound import Route, Split
from smi.model.service import AppProtocol
from tests import builders as a
from tests.integration.envoy.harness import BANNER, Lab, Loopback, lab

pytestmark = pytest.mark.envoy

FRONT, INTRUDER = a.name("front-0"), a.name("intruder-0")
DB = a.name("db")


def world(loopback: Loopback, accounts: tuple[str, ...] = ("db",) * 3) -> Mesh:
    """`front` may speak TCP to `db`; `intruder` knows the way, but may not."""
    speaks = AppProtocol.TCP
    doors = {("db", 5432): 15432}
    pods = [
        a.workload(f"db-{v}", account, address=loopback.address(), detours=loopback.detours(5432))
        for v, account in enumerate(accounts)
    ]
    front = a.workload("front-0", "front", address=loopback.address(), services=doors)
    intruder = a.workload("intruder-0", "intruder", address=loopback.address(), services=doors)
    route = Route(DB, 5432, speaks)
    return a.mesh(
        workloads=[*pods, front, intruder],
        services=[
            a.service("db", 5432, pods, speaks=speaks),
            a.service("db-v0", 5432, pods[:1], speaks=speaks),
            a.service("db-v1", 5432, pods[1:], speaks=speaks),
        ],
        routes=[route],
        inbounds=[
            a.inbound(a.group(account), a.rule("db", "front", ports=[5432]))
            for account in sorted(set(accounts))
        ],
        outbounds={"front": [route], "intruder": [route]},
    )


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Lab]:
    async with lab(banners=[5432]) as found:
        await found.publish(world(Loopback()))
        yield found


async def dial(
    running: Lab, client: NamespacedName
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*running.door(client, DB, 5432))


async def greeting(running: Lab, client: NamespacedName = FRONT) -> bytes:
    """All that a new connection of `client` receives before it says something."""
    reader, writer = await dial(running, client)
    try:
        async with asyncio.timeout(5):
            return await reader.readline() + await reader.readline()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_allowed_caller_hears_the_server_first(running: Lab) -> None:
    reader, writer = await dial(running, FRONT)
    assert await reader.readline() == BANNER
    assert (await reader.readline()).startswith(b"shop/db-")
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()


async def test_denied_caller_receives_nothing(running: Lab) -> None:
    assert await greeting(running, INTRUDER) == b""
    for _ in range(5):
        assert await greeting(running) != b""
    await asyncio.sleep(0.2)  # a connection counts when it has ended
    flows = (await running.backend.traffic(running.directories())).flows
    told = {(str(f.source), f.root, f.service, f.status): f.count for f in flows}
    assert told == {
        ("shop/front", DB, DB, "ok"): 5,
        ("shop/intruder", DB, DB, "failed"): 1,
    }


async def test_rule_that_selects_requests_grants_no_bytes(running: Lab) -> None:
    rule = a.rule("db", "front", http=[a.match()])
    inbound = a.inbound(a.group("db"), rule)
    await running.publish(replace(running.mesh, inbound={inbound.group: inbound}))
    assert await greeting(running) == b""


async def test_connection_whose_grant_is_gone_closes_within_five_seconds(running: Lab) -> None:
    reader, writer = await dial(running, FRONT)
    assert await reader.readline() == BANNER
    nothing = a.inbound(a.group("db"))
    gone = replace(
        running.mesh,
        inbound={nothing.group: nothing},
        outbound={
            **running.mesh.outbound,
            a.identity("front"): replace(running.mesh.outbound[a.identity("front")], routes=()),
        },
    )
    await running.publish(gone)
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()


async def test_shares_are_of_services_and_a_change_closes_no_connection(running: Lab) -> None:
    mesh = running.mesh
    kept, writer = await dial(running, FRONT)
    await kept.readline()
    for weights, expected in (
        ({"db-v0": 9, "db-v1": 1}, [90, 5, 5]),
        ({"db-v0": 0, "db-v1": 1}, [0, 50, 50]),
        ({"db": 1, "db-v0": 1}, [67, 17, 17]),
    ):
        await running.publish(split(mesh, a.split("canary", weights)))
        heard = [(await greeting(running)).decode().split() for _ in range(100)]
        counts = [sum(f"shop/db-{pod}" in words for words in heard) for pod in range(3)]
        assert counts == pytest.approx(expected, abs=6), (weights, counts)
    flows = (await running.backend.traffic(running.directories())).flows
    assert {f.split for f in flows} == {a.name("canary")}
    writer.write(b"still here")
    await kept.readline()
    assert await kept.readexactly(10) == b"still here"
    writer.close()


async def test_weights_move_to_backends_that_run_as_others_at_no_cost() -> None:
    mesh = world(Loopback(), accounts=("db", "db-new", "db-new"))
    heard: Counter[bytes] = Counter()
    async with lab(banners=[5432]) as running:
        await running.publish(split(mesh, a.split("canary", {"db-v0": 1})))
        stop = asyncio.Event()

        async def dialling() -> None:
            while not stop.is_set():
                heard[(await greeting(running))[len(BANNER) :].strip()] += 1

        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(dialling())
            for _ in range(10):
                for weights in ({"db-v0": 1, "db-v1": 1}, {"db-v1": 1}, {"db-v0": 1}):
                    await running.publish(split(mesh, a.split("canary", weights)))
            stop.set()
    assert set(heard) == {b"shop/db-0", b"shop/db-1", b"shop/db-2"}, heard


async def test_split_without_destinations_closes_the_connection(running: Lab) -> None:
    await running.publish(split(running.mesh, a.split("canary", {"db-v0": 0})))
    assert await greeting(running) == b""


async def test_undeclared_port_is_told_by_what_it_carries(running: Lab) -> None:
    route = Route(DB, 5432, AppProtocol.DETECT)
    front = replace(running.mesh.outbound[a.identity("front")], routes=(route,))
    rule = a.inbound(a.group("db"), a.rule("db", "front", ports=[5432]))
    await running.publish(
        replace(
            running.mesh,
            routes={DB: (route,)},
            outbound={a.identity("front"): front},
            inbound={rule.group: rule},
        )
    )
    assert (await greeting(running)).startswith(BANNER)
    # The client waited for it, until its sidecar gave up looking for what it would say.
    counted = await running.backend.traffic(running.directories())
    assert counted.silences == (Silence(a.identity("front"), DB, 5432, 1),)
    reader, writer = await dial(running, FRONT)
    writer.write(b"GET / HTTP/1.1\r\nhost: db\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 502")  # the application's banner is no answer to a request
    writer.close()


def split(mesh: Mesh, by: Split) -> Mesh:
    """`mesh` with `by` over `db`."""
    route = Route(DB, 5432, AppProtocol.TCP, (by,))
    outbound = {client: replace(sent, routes=(route,)) for client, sent in mesh.outbound.items()}
    return replace(mesh, routes={DB: (route,)}, outbound=outbound)
