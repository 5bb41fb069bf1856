"""An application that ends idle connections fails no request, and sees none twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from smi.model.mesh import Mesh
from tests import builders as a
from tests.integration.envoy.harness import Loopback, lab
from tests.integration.envoy.moody import Mood, Moody
from tests.integration.envoy.volley import get, post, volley

pytestmark = pytest.mark.envoy

FRONT, WEB = a.name("front-0"), a.name("web-0")


def world(loopback: Loopback, replicas: int = 1) -> Mesh:
    """`front` may ask all of `web`."""
    pods = [
        a.workload(f"web-{n}", "web", address=loopback.address(), detours=loopback.detours(8080))
        for n in range(replicas)
    ]
    doors = {("web", 80): 15080}
    front = a.workload("front-0", "front", address=loopback.address(), services=doors)
    route = a.route("web", 80)
    return a.mesh(
        workloads=[*pods, front],
        services=[a.service("web", 80, pods, 8080)],
        routes=[route],
        inbounds=[a.inbound(a.group("web"), a.rule("web", "front"))],
        outbounds={"front": [route]},
    )


@asynccontextmanager
async def moody(replicas: int = 1) -> AsyncIterator[Moody]:
    async with lab() as found:
        own = Moody(found.state, found.backend, found.banners)
        try:
            await own.publish(world(Loopback(), replicas))
            yield own
        finally:
            await own.close()


async def test_connection_that_an_application_ends_while_it_is_idle_fails_no_request() -> None:
    async with moody() as running:
        door = running.door(FRONT, a.name("web"), 80)
        running.mood = Mood.WHEN_IDLE
        for requests in (get("web.shop"), post("web.shop")):
            running.arrived.clear()
            async with volley(door, requests, connections=50, a_second=200) as asked:
                await asked.reaches(1000)
            assert asked.failures == []
            assert asked.opened == 0
            assert set(running.arrived.values()) == {1}
            assert len(running.arrived) >= 1000


async def test_connection_that_an_application_ends_at_once_sends_no_request_twice() -> None:
    async with moody() as running:
        door = running.door(FRONT, a.name("web"), 80)
        running.mood = Mood.AFTER_EACH
        for requests in (get("web.shop"), post("web.shop")):
            running.arrived.clear()
            async with volley(door, requests, connections=8, a_second=400) as asked:
                await asked.reaches(500)
            # Those that met the end, of which nobody can tell whether they arrived.
            assert set(asked.statuses) <= {200, 503}
            assert asked.statuses[200] > 250
            assert set(running.arrived.values()) == {1}


async def test_request_that_may_have_arrived_is_never_sent_again() -> None:
    async with moody(replicas=2) as running:
        door = running.door(FRONT, a.name("web"), 80)
        for mood, status in ((Mood.INSTEAD, 503), (Mood.FAILING, 503), (Mood.LYING, 200)):
            running.mood = mood
            for requests in (get("web.shop"), post("web.shop")):
                running.arrived.clear()
                async with volley(door, requests, connections=4, a_second=400) as asked:
                    await asked.reaches(200)
                assert set(asked.statuses) == {status}, mood
                assert set(running.arrived.values()) == {1}, mood
                assert len(running.arrived) == asked.sent


async def test_request_that_reached_no_application_is_answered_by_another_pod() -> None:
    async with moody(replicas=3) as running:
        door = running.door(FRONT, a.name("web"), 80)
        await running.apps[a.name("web-0")].aclose()
        for requests in (get("web.shop"), post("web.shop")):
            async with volley(door, requests, connections=4, a_second=400) as asked:
                await asked.reaches(300)
            assert asked.failures == []
            assert set(running.arrived.values()) == {1}
            running.arrived.clear()
