"""Which share of requests goes where, between real Envoys."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import aiohttp
import pytest
import pytest_asyncio

from smi.model.mesh import Mesh
from smi.model.outbound import Split
from tests import builders as a
from tests.integration.envoy.harness import Lab, Loopback, lab
from tests.integration.envoy.load import Client, load

pytestmark = pytest.mark.envoy

FRONT = a.name("front-0")
CHANGES = 40  # of a kind that costs requests at every second or third if it costs any


def world(loopback: Loopback) -> Mesh:
    """`front` calls `web`, whose two versions are `web-v1` (two pods) and `web-v2` (one)."""
    pods = [
        a.workload(pod, "web", address=loopback.address(), detours=loopback.detours(8080))
        for pod in ("v1-0", "v1-1", "v2-0")
    ]
    front = a.workload(
        "front-0", "front", address=loopback.address(), services={("web", 80): 15080}
    )
    route = a.route("web", 80)
    return a.mesh(
        workloads=[*pods, front],
        services=[
            a.service("web", 80, pods, target=8080),
            a.service("web-v1", 80, pods[:2], target=8080),
            a.service("web-v2", 80, pods[2:], target=8080),
        ],
        routes=[route],
        inbounds=[a.inbound(a.group("web"), a.rule("web", "front"))],
        outbounds={"front": [route]},
    )


def split_by(mesh: Mesh, *splits: Split) -> Mesh:
    """`mesh` with other splits over `web`, whose versions `front` may call by name too."""
    routes = [a.route("web", 80, *splits), a.route("web-v1", 80), a.route("web-v2", 80)]
    sent = replace(mesh.outbound[a.identity("front")], routes=tuple(routes))
    return replace(
        mesh, routes={route.root: (route,) for route in routes}, outbound={sent.identity: sent}
    )


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Lab]:
    async with lab() as found:
        await found.publish(world(Loopback()))
        yield found


async def where(
    running: Lab,
    session: aiohttp.ClientSession,
    path: str = "/",
    headers: Iterable[tuple[str, str]] = (),
) -> str:
    """The pod that answers a request, or the status of a failure."""
    answer = await running.request(
        FRONT, f"http://web.shop{path}", session=session, headers=headers
    )
    pod: str = json.loads(answer.text)["pod"] if answer.status == 200 else str(answer.status)
    return pod


async def test_weights_are_shares_and_a_change_needs_no_new_connection(running: Lab) -> None:
    mesh = running.mesh
    async with aiohttp.ClientSession() as session:
        for weights, expected in (
            ({"web-v1": 90, "web-v2": 10}, {"v1-0": 180, "v1-1": 180, "v2-0": 40}),
            ({"web-v1": 1, "web-v2": 0}, {"v1-0": 200, "v1-1": 200}),
            ({"web-v1": 1, "web-v2": 3}, {"v1-0": 50, "v1-1": 50, "v2-0": 300}),
        ):
            await running.publish(split_by(mesh, a.split("canary", weights)))
            heard = Counter([await where(running, session) for _ in range(400)])
            for pod in ("v1-0", "v1-1", "v2-0"):
                assert heard[f"shop/{pod}"] == pytest.approx(expected.get(pod, 0), abs=40), heard
            if weights["web-v2"] == 0:
                assert heard["shop/v2-0"] == 0
    flows = (await running.backend.traffic(running.directories())).flows
    assert {(f.root, f.split, f.service, f.status) for f in flows} == {
        (a.name("web"), a.name("canary"), a.name(service), "200")
        for service in ("web-v1", "web-v2")
    }
    assert sum(flow.count for flow in flows) == 1200


async def test_endpoints_of_a_service_are_called_equally_often(running: Lab) -> None:
    async with aiohttp.ClientSession() as session:
        heard = Counter([await where(running, session) for _ in range(300)])
    assert set(heard.values()) == {100}


async def test_first_split_that_selects_a_request_decides(running: Lab) -> None:
    beta = a.split("beta", {"web-v2": 1}, [a.match("/api.*x", ["GET"], {"x-user": "a,b"})])
    nothing = a.split("nothing", {}, [a.match("/gone"), a.match(headers={"x-gone": ".*"})])
    rest = a.split("rest", {"web-v1": 1})
    await running.publish(split_by(running.mesh, beta, nothing, rest))
    users = [("x-user", "a"), ("x-user", "b")]
    async with aiohttp.ClientSession() as session:
        assert await where(running, session, "/api/x/y", users) == "shop/v2-0"
        assert await where(running, session, "/api/y/../x", users) == "shop/v2-0"
        assert (await where(running, session, "/api?x", users)).startswith("shop/v1-")
        assert (await where(running, session, "/api/x", users[:1])).startswith("shop/v1-")
        assert await where(running, session, "/gone/x") == "503"
        assert await where(running, session, "/", [("x-gone", "")]) == "503"
    flows = (await running.backend.traffic(running.directories())).flows
    assert {(f.split and f.split.name, f.status) for f in flows} == {
        ("beta", "200"),
        ("nothing", "503"),
        ("rest", "200"),
    }


async def test_service_without_endpoints_is_unavailable(running: Lab) -> None:
    web = a.service("web", 80, [], target=8080)
    await running.publish(replace(running.mesh, services={**running.mesh.services, web.name: web}))
    async with aiohttp.ClientSession() as session:
        assert await where(running, session) == "503"


async def test_pod_that_leaves_costs_no_request(running: Lab) -> None:
    mesh, failed, asked = running.mesh, 0, 0
    stop = asyncio.Event()

    async def load() -> None:
        nonlocal failed, asked
        async with aiohttp.ClientSession() as session:
            while not stop.is_set():
                asked += 1
                failed += not (await where(running, session, "/slow/0.01")).startswith("shop/")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(load())
        await asyncio.sleep(0.3)
        rest = [mesh.workloads[a.name(pod)] for pod in ("v1-1", "v2-0")]
        left = {
            **mesh.services,
            a.name("web"): a.service("web", 80, rest, target=8080),
            a.name("web-v1"): a.service("web-v1", 80, rest[:1], target=8080),
        }
        await running.publish(replace(mesh, services=left))
        await running.backend.drain(running.directory(a.name("v1-0")))
        await running.stop(a.name("v1-0"))
        while asked <= 100:  # noqa: ASYNC110 - requests alone end it
            await asyncio.sleep(0.05)
        stop.set()
    assert failed == 0


async def test_last_pod_of_a_backend_leaves_and_comes_back_at_no_cost(running: Lab) -> None:
    v2 = a.service("web-v2", 80, [], target=8080)
    whole = split_by(running.mesh, a.split("canary", {"web-v1": 1, "web-v2": 1}))
    rest = split_by(running.mesh, a.split("canary", {"web-v1": 1}))
    rest = replace(rest, services={**rest.services, v2.name: v2})
    clients = [Client(FRONT, f"http://web.shop/{n}", keeps=n % 2 == 0) for n in range(8)]
    await running.publish(whole)
    async with load(running, clients, a_second=1000) as asking:
        for _ in range(CHANGES):
            await running.publish(rest)
            await running.publish(whole)
    assert len(asking.of(FRONT)) > CHANGES
    assert asking.failures() == []
