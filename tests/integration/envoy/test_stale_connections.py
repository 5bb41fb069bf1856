"""An application that ends connections as it likes fails no request and sees none twice."""

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
REQUESTS = 1500
MOODS = [Mood.AFTER_EACH, Mood.WHEN_IDLE, Mood.AT_RANDOM]


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


async def test_connection_that_an_application_ends_unsaid_fails_no_request() -> None:
    async with moody() as running:
        door = running.door(FRONT, a.name("web"), 80)
        for mood in MOODS:
            for requests in (get("web.shop"), post("web.shop")):
                running.mood = mood
                running.arrived.clear()
                async with volley(door, requests, connections=8, a_second=800) as asked:
                    await asked.reaches(REQUESTS)
                assert asked.failures == [], (mood, len(asked.failures), asked.failures[:3])
                assert asked.opened == 0
                twice = {n: count for n, count in running.arrived.items() if count > 1}
                assert twice == {}, (mood, twice)
                assert len(running.arrived) >= REQUESTS


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
