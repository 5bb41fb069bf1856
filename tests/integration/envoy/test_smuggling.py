"""Nothing reaches an application that `decide` does not allow, however it is said over HTTP/1."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.envoy import http1_attacks, raw
from tests.integration.envoy.ledger import Ledger, ledger
from tests.integration.envoy.raw import Outcome
from tests.integration.envoy.witness import PROXY, WAYS, Way

pytestmark = pytest.mark.envoy

AT_ONCE = 16
ANSWERED = {100, 101, 200, 501, 505} | set(range(400, 500))


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Ledger]:
    async with ledger() as found:
        yield found


async def outcomes(running: Ledger, way: Way, caller: str) -> dict[str, Outcome]:
    """What comes of every case that `caller` says."""
    to = raw.door(running, way, caller)
    found: dict[str, Outcome] = {}
    room = asyncio.Semaphore(AT_ONCE)

    async def say(name: str, data: bytes) -> None:
        async with room:
            patience = 0.3 if name in http1_attacks.UNFINISHED else raw.PATIENCE
            found[name] = await raw.send(to, data, patience=patience)

    async with asyncio.TaskGroup() as tasks:
        for name, data in http1_attacks.cases():
            tasks.create_task(say(name, data))
    return found


@pytest.mark.parametrize("way", WAYS)
async def test_request_hidden_in_another_is_judged_for_itself_or_refused(
    running: Ledger, way: Way
) -> None:
    found = await outcomes(running, way, "front")
    seen = len(running.seen)
    assert running.judge("front") == []
    statuses = Counter(status for each in found.values() for status in each.statuses)
    assert set(statuses) <= ANSWERED, statuses
    assert statuses[200] + statuses[101] <= seen
    assert min(statuses[200], statuses[400], statuses[403]) > 50, statuses
    hung = {name for name, each in found.items() if each.is_hang}
    assert hung <= http1_attacks.UNFINISHED.keys()


@pytest.mark.parametrize("way", WAYS)
async def test_caller_without_a_grant_reaches_no_application_in_any_words(
    running: Ledger, way: Way
) -> None:
    found = await outcomes(running, way, "intruder")
    assert (running.seen, running.unreadable, running.received) == ([], [], 0)
    statuses = Counter(status for each in found.values() for status in each.statuses)
    # A proxy opens one tunnel, to a door that judges what is said in it.
    assert statuses[101] + statuses[200] == (1 if way is PROXY else 0)
    hung = {name for name, each in found.items() if each.is_hang}
    assert hung <= http1_attacks.UNFINISHED.keys()
