"""A pod that keeps failing is left out by callers of its Service, if the Service asks for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from smi.model.mesh import Mesh
from smi.model.service import AppProtocol, OutlierDetection
from tests import builders as a
from tests.integration.envoy import lasting
from tests.integration.envoy.harness import Lab, Loopback, lab
from tests.integration.envoy.moody import Moody
from tests.integration.envoy.test_stale_connections import FRONT, moody
from tests.integration.envoy.town import counters
from tests.integration.envoy.volley import Volley, get, volley

pytestmark = pytest.mark.envoy

WEB = a.name("web")
OUTLIERS = OutlierDetection(failures=3, interval_ms=200, ejection_ms=2000, most_percent=50)


async def say(running: Lab, outliers: OutlierDetection | None) -> None:
    """Annotate the Service."""
    services = {n: replace(s, outliers=outliers) for n, s in running.mesh.services.items()}
    await running.publish(replace(running.mesh, services=services))


async def asks(running: Moody, asked: Volley, more: int = 90) -> dict[str, int]:
    """How many of some more requests reach each pod."""
    running.asked.clear()
    await asked.reaches(asked.statuses.total() + more)
    return dict(running.asked)


async def test_pod_that_fails_is_left_out_for_a_while_if_its_service_asks_for_it() -> None:
    async with moody(replicas=3) as running:
        door = running.door(FRONT, WEB, 80)
        async with volley(door, get("web.shop"), connections=6, a_second=120) as asked:
            running.failing = {"web-0"}
            spread = await asks(running, asked)
            assert spread["web-0"] >= 25, spread  # nothing is left out by itself
            await say(running, OUTLIERS)
            await asks(running, asked, 60)
            left_out = await asks(running, asked, 60)
            assert left_out.get("web-0", 0) <= OUTLIERS.failures, left_out
            running.failing = set()
            begun = time.monotonic()
            while not (await asks(running, asked, 30)).get("web-0"):
                assert time.monotonic() - begun < 20
            failed = asked.statuses[503]
            spread = await asks(running, asked)
            assert min(spread.values()) >= 25, spread
            assert asked.statuses[503] == failed
            assert asked.statuses[0] == 0


async def test_no_more_pods_are_left_out_than_the_service_says() -> None:
    async with moody(replicas=3) as running:
        door = running.door(FRONT, WEB, 80)
        await say(running, replace_most(34))
        running.failing = {"web-0", "web-1", "web-2"}
        async with volley(door, get("web.shop"), connections=6, a_second=120) as asked:
            await asks(running, asked, 60)
            assert len(await asks(running, asked, 60)) >= 2
            found = await counters(running, FRONT, r"outlier_detection.ejections_active$")
            assert sum(found.values()) == 1


def replace_most(percent: int) -> OutlierDetection:
    return OUTLIERS._replace(most_percent=percent, ejection_ms=60_000)


def bytes_world(loopback: Loopback) -> Mesh:
    """`front` may open connections to two pods."""
    pods = [
        a.workload(f"mail-{n}", "mail", address=loopback.address(), detours=loopback.detours(25))
        for n in (0, 1)
    ]
    doors = {("mail", 80): 15080}
    front = a.workload("front-0", "front", address=loopback.address(), services=doors)
    route = a.route("mail", 80, speaks=AppProtocol.TCP)
    return a.mesh(
        workloads=[*pods, front],
        services=[a.service("mail", 80, pods, 25, AppProtocol.TCP)],
        routes=[route],
        inbounds=[a.inbound(a.group("mail"), a.rule("mail", "front"))],
        outbounds={"front": [route]},
    )


@asynccontextmanager
async def mail() -> AsyncIterator[Lab]:
    async with lab(banners=[25]) as running:
        await running.publish(bytes_world(Loopback()))
        yield running


async def test_pod_that_cannot_be_connected_to_is_left_out_over_tcp_too() -> None:
    async with mail() as running:
        async with lasting.connection(running, FRONT, a.name("mail")) as lasts:
            await say(running, OUTLIERS)
            answers = lasts.answers
            async with asyncio.timeout(20):
                while lasts.answers < answers + 10 and not lasts.end:  # noqa: ASYNC110 - time alone
                    await asyncio.sleep(0.05)
        assert lasts.end == ""
        dead = running.envoys[a.name("mail-0")]
        dead.kill()
        await dead.wait()
        door = running.door(FRONT, a.name("mail"), 80)
        for _ in range(12):
            reader, writer = await asyncio.open_connection(*door)
            assert (await reader.readline()).startswith(b"220")
            writer.close()
        found = await counters(running, FRONT, r"outlier_detection.ejections_active$")
        assert sum(found.values()) == 1
