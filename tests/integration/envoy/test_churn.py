"""Weights and endpoints change a thousand times under load: nothing fails, nothing is cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.integration.envoy import lasting
from tests.integration.envoy.churn import (
    BYTES,
    FRONT,
    WEB,
    Churn,
    Connections,
    Counted,
    churn,
    connections,
)
from tests.integration.envoy.harness import SETTLED
from tests.integration.envoy.lasting import Lasting
from tests.integration.envoy.volley import Volley, get, post, volley

pytestmark = pytest.mark.envoy

CHANGES = 500  # of each kind
REQUESTS = 10  # from one change to the next: 50 changes a second
A_SECOND = 520  # 500 are wanted, and the first and last moment have fewer


@pytest.mark.timeout(300)
async def test_thousand_changes_under_load_fail_nothing_and_cut_nothing(
    record_property: Callable[[str, object], None],
) -> None:
    async with churn() as running:
        async with asked(running) as load:
            weights = await turned(running, running.turn_weights, load)
            both = await turned(running, running.turn_endpoints, load)
            rate = load.gets.rate + load.posts.rate
        assert running.changed == 2 * CHANGES
        for requests in (load.gets, load.posts):
            assert requests.failures == []
            assert requests.opened == 0
        assert load.answered >= 2 * CHANGES * REQUESTS
        assert load.made.failures == []
        assert [lasting.end for lasting in load.lasts] == ["", "", ""]
        for counted in (weights, both):
            assert (counted.cut, counted.left) == ({}, {})
        assert weights.between == {}
        done = dict((await running.counted()).done)
        # Of the three that lasted, one was a connection of bytes.
        assert done.pop("front-0") == sum(done.values()) == load.made.answered + 1
        record_property("requests a second", round(rate))


@dataclass(frozen=True, slots=True)
class Load:
    """All that goes on meanwhile: requests, connections, and what never ends."""

    gets: Volley
    posts: Volley
    made: Connections
    lasts: tuple[Lasting, ...]

    @property
    def answered(self) -> int:
        """Requests so far."""
        return self.gets.statuses.total() + self.posts.statuses.total()


@asynccontextmanager
async def asked(running: Churn) -> AsyncIterator[Load]:
    """Requests in both directions, TCP connections, and three that stay."""
    door = running.door(FRONT, WEB, 80)
    half = A_SECOND / 2
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        yield Load(
            await enter(volley(door, get("web.shop"), connections=12, a_second=half)),
            await enter(volley(door, post("web.shop"), connections=12, a_second=half)),
            await enter(connections(running, pause=0.02)),
            (
                await enter(lasting.stream(running, FRONT, WEB)),
                await enter(lasting.websocket(running, FRONT, WEB)),
                await enter(lasting.connection(running, FRONT, BYTES)),
            ),
        )


async def turned(running: Churn, change: Callable[[], Awaitable[None]], load: Load) -> Counted:
    """Make changes as requests are answered; what Envoys count when all have accepted the last."""
    begun = load.answered
    for number in range(CHANGES):
        await change()
        await reached(load, begun + (number + 1) * REQUESTS)
    assert not await running.backend.settled(running.mesh.workloads, SETTLED)
    return await running.counted()


async def reached(load: Load, answered: int) -> None:
    """Wait until so many requests have been answered."""
    async with asyncio.timeout(20):
        while load.answered < answered:  # noqa: ASYNC110 - answers alone end it
            await asyncio.sleep(0.002)
