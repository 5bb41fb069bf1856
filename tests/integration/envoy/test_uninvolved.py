"""A change reaches those whom it concerns and, by their own statistics, nobody else."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import builders as a
from tests.integration.envoy import town
from tests.integration.envoy.town import Document, Town

pytestmark = pytest.mark.envoy

# Of CDS and LDS; of every cluster's endpoints, every route table and every secret, the SVID among
# them. `update_attempt` of CDS counts every message that the proxy sent, its ACKs too.
UPDATES = r"\.(update_success|update_attempt|update_rejected|update_failure|update_empty)$"

OTHERS = ("keeper-0", "vault-0", "hermit-0")


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Town]:
    """`front` calls `web`, which is split; `keeper` calls `vault`; `hermit` calls nobody."""
    documents: list[Document] = [
        *town.app("front"),
        *town.app("web", 2),
        *town.app("web-v2", of="web", account="web"),
        *town.app("keeper"),
        *town.app("vault"),
        *town.app("hermit"),
        *town.stateful("store", 2),
        town.routes("all"),
        town.routes("some", {"pathRegex": "/some"}),
        town.grant("web", "web", ["front"]),
        town.grant("vault", "vault", ["keeper"]),
        town.grant("store", "store", ["front"]),
        town.split("canary", "web", {"web": 1, "web-v2": 1}),
    ]
    async with town.town(*documents) as found:
        yield found


async def updates(running: Town, *pods: str) -> dict[str, dict[str, int]]:
    return {pod: await running.counters(pod, UPDATES) for pod in pods}


async def test_uninvolved_envoys_see_no_update(running: Town) -> None:
    weights = town.split("canary", "web", {"web": 9, "web-v2": 1})
    policy = town.grant("web", "web", ["front"], group="some")
    cases: dict[str, tuple[list[Document], set[str], tuple[str, ...]]] = {
        "weights": ([weights], set(), ("front-0",)),
        "endpoint": ([], {"web-1"}, ("front-0",)),
        "endpoint again": ([], set(), ("front-0",)),
        "pod that has a name": ([], {"store-1"}, ("front-0",)),
        "pod that has a name again": ([], set(), ("front-0",)),
        "policy": ([policy], set(), ("web-0", "web-1", "web-v2-0")),
    }
    for case, (documents, absent, involved) in cases.items():
        before = await updates(running, *involved)
        others = await updates(running, *OTHERS)
        running.absent = {a.name(pod) for pod in absent}
        await running.play(*documents)
        after = await updates(running, *involved)
        assert all(after[pod] != before[pod] for pod in involved), case
        assert await updates(running, *OTHERS) == others, case


async def test_new_service_and_grant_between_two_others_is_no_update(running: Town) -> None:
    others = await updates(running, *OTHERS, "web-0", "web-1", "web-v2-0")
    before = await updates(running, "front-0")
    assert all(len(counted) > 5 for counted in others.values()), others
    await running.play(*town.app("extra"), town.grant("extra", "extra", ["front"]))
    answer = await running.lab.request(a.name("front-0"), "http://extra.shop/")
    assert (answer.status, answer.headers["x-pod"]) == (200, "shop/extra-0")
    assert await updates(running, "front-0") != before
    assert await updates(running, *OTHERS, "web-0", "web-1", "web-v2-0") == others
    await running.drop(("TrafficTarget", "extra"))
    assert (await running.lab.request(a.name("front-0"), "http://extra.shop/")).status == 403
    assert await updates(running, *OTHERS, "web-0", "web-1", "web-v2-0") == others
