"""Where a client and a server must agree, a change is never half of itself to a caller."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import builders as a
from tests.integration.envoy import town
from tests.integration.envoy.load import Client, load, turns
from tests.integration.envoy.town import Document, Town

pytestmark = pytest.mark.envoy

FRONT, OTHER = a.name("front-0"), a.name("other-0")
ROUNDS = 10

WEB = "http://web.shop/"
CLIENTS = [Client(FRONT, WEB), Client(FRONT, WEB + "2"), Client(FRONT, WEB + "new", keeps=False)]


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Town]:
    """`front` may call nobody yet, `other` all that there is."""
    documents: list[Document] = [
        *town.app("front"),
        *town.app("other"),
        *town.app("web", 2),
        *town.app("web-v2", 1, of="web", account="web-v2"),
        town.routes("all"),
        town.routes("nothing", {"pathRegex": "/nothing"}),
        town.grant("others", "web", ["other"]),
        town.grant("others-v2", "web-v2", ["other"]),
    ]
    async with town.town(*documents) as found:
        yield found


async def test_grant_is_403_until_it_is_200_and_a_revocation_the_reverse(running: Town) -> None:
    kept = [Client(OTHER, WEB), Client(OTHER, WEB, keeps=False)]
    for _ in range(ROUNDS):
        async with load(running.lab, [*CLIENTS, *kept], a_second=400) as asked:
            await asyncio.sleep(0.2)
            await running.play(town.grant("fronts", "web", ["front"]))
            await asyncio.sleep(0.2)
        for client in CLIENTS:
            assert turns(asked.answers[client]) == [403, 200], asked.answers[client]
            # Refused by the client's own sidecar: whom that lets out, the server admits.
            refusals = {answer.text for answer in asked.answers[client] if answer.status == 403}
            assert all("may not call this host" in text for text in refusals), refusals
        assert asked.failures(OTHER) == []
        async with load(running.lab, [*CLIENTS, *kept], a_second=400) as asked:
            await asyncio.sleep(0.2)
            await running.drop(("TrafficTarget", "fronts"))
            await asyncio.sleep(0.2)
        for client in CLIENTS:
            assert turns(asked.answers[client]) == [200, 403], asked.answers[client]
        assert asked.failures(OTHER) == []


async def test_new_split_fails_no_request(running: Town) -> None:
    clients = [Client(OTHER, f"{WEB}{n}", keeps=n % 2 == 0) for n in range(4)]
    for _ in range(ROUNDS):
        async with load(running.lab, clients, a_second=400) as asked:
            await asyncio.sleep(0.2)
            await running.play(town.split("canary", "web", {"web": 1, "web-v2": 1}))
            await asyncio.sleep(0.3)
            await running.drop(("TrafficSplit", "canary"))
            await asyncio.sleep(0.2)
        assert asked.failures() == []
        assert {answer.pod for answer in asked.of(OTHER)} > {"shop/web-v2-0"}


async def test_new_weights_fail_no_request_and_make_no_connection(running: Town) -> None:
    connections = r"^cluster\.shop/web.*\|http\.upstream_cx_(total|destroy)$"
    weights = [{"web": 1, "web-v2": v2} for v2 in (1, 9, 0, 1, 50)]
    # One request of `other` at a time needs one connection to each of the three pods.
    clients = [Client(OTHER, WEB), *CLIENTS]
    await running.play(
        town.split("canary", "web", weights[0]),
        town.grant("fronts", "web", ["front"]),
        town.grant("fronts-v2", "web-v2", ["front"]),
    )
    async with load(running.lab, clients, a_second=400) as asked:
        await asyncio.sleep(1)
        before = await running.counters("other-0", connections)
        for shares in weights * 3:
            await running.play(town.split("canary", "web", shares))
            await asyncio.sleep(0.1)
        after = await running.counters("other-0", connections)
    assert asked.failures() == []
    assert asked.statuses()[200] > 500
    assert sum(value for name, value in before.items() if name.endswith("total")) == 3
    assert after == before


async def test_endpoint_that_moves_to_another_identity_fails_no_request(running: Town) -> None:
    """The client must know the new identity before it meets the first pod that has it."""
    clients = [Client(OTHER, f"{WEB}{n}", keeps=n % 2 == 0) for n in range(4)]
    for _ in range(3):
        async with load(running.lab, clients, a_second=400) as asked:
            for account in ("web-v2", "web"):
                running.absent = {a.name("late-0")}
                await running.play(*town.app("late", of="web", account=account))
                running.absent = set()
                await running.play()
                await asyncio.sleep(0.2)
                running.absent = {a.name("late-0")}
                await running.play()
                await running.drop(("Deployment", "late"), ("Service", "late"))
        assert asked.failures() == [], Counter(asked.statuses())
