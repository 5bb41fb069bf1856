"""Which share of many requests goes where, so many that what is not quite the share is noticed.

From manifests to real Envoys. Every distribution is judged exactly, with one false alarm in a
million (`tests/chance.py`); what is noticed with certainty is in `tests/unit/test_chance.py`.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from fractions import Fraction

import pytest
import pytest_asyncio
import yaml

from smi.decision.decide import decide
from smi.decision.request import Protocol, Request
from tests import chance
from tests.golden import cases
from tests.golden.cases import Case
from tests.integration.envoy import shares, speech
from tests.integration.envoy.shares import ALARM, TIMES
from tests.integration.envoy.speech import Answer
from tests.integration.envoy.stage import Stage, Way, stage
from tests.strategies import Document

pytestmark = [
    pytest.mark.envoy,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

FRONT, OTHER = "pod/shop/front-0", "pod/shop/green-0"  # both run as shop/front
ROOT = "shop/foobar:80"
OPEN = """
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {name: all, namespace: shop}
spec: {matches: {ports: []}}
---
apiVersion: access.smi-spec.io/v1alpha4
kind: TrafficTarget
metadata: {name: foobar, namespace: shop}
spec:
  destination: {kind: ServiceAccount, name: foobar}
  sources: [{kind: ServiceAccount, name: front}]
  rules: [{kind: TCPRoute, name: all}]
"""
DIVIDED = {
    case.name: case
    for case in cases.CASES
    if any(len(one.get("shares", ())) > 1 and one["from"] == "shop/front" for one in case.requests)
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def playing() -> AsyncIterator[Stage]:
    asyncio.get_running_loop().set_debug(False)  # it takes most of the time
    async with stage(random.Random(), unready=0) as found:
        yield found


def split(*backends: tuple[str, int], root: str = "foobar", name: str = "s") -> Document:
    """A TrafficSplit of some backends by weights."""
    given = [{"service": service, "weight": weight} for service, weight in backends]
    return {
        "apiVersion": "split.smi-spec.io/v1alpha4",
        "kind": "TrafficSplit",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"service": root, "backends": given},
    }


def service(name: str, **selector: str) -> Document:
    """A Service at the port of the others."""
    ports = [{"port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": selector, "ports": ports},
    }


async def play(playing: Stage, *documents: Document) -> None:
    await playing.play([*cases.BASE, *yaml.safe_load_all(OPEN), *documents])


def way(playing: Stage, request: Request, name: str = "door") -> Way:
    return next(way for way in playing.ways(request) if way.name == name)


def sender(playing: Stage, request: Request) -> Callable[[], Awaitable[Answer]]:
    """Sends `request` on a connection of its own."""
    to = way(playing, request)

    async def send() -> Answer:
        return await speech.ask(to.to, request, request.path, to.authority(request))

    return send


def wanted(playing: Stage, request: Request) -> dict[str, Fraction]:
    """The share of each pod."""
    return shares.expected(playing.mesh, request, decide(playing.mesh, request))


@pytest.mark.parametrize("case", DIVIDED.values(), ids=DIVIDED)
async def test_shares_that_a_sentence_gives_hold_at_length(playing: Stage, case: Case) -> None:
    await playing.play(case.documents)
    for one in case.requests:
        request = cases.request(one | {"from": FRONT})
        if len(one.get("shares", ())) < 2 or not request.is_http:
            continue
        to = way(playing, request)
        heard = await shares.on_one_connection(to.to, request, to.authority(request), TIMES)
        assert not chance.surprises(heard, wanted(playing, request), ALARM), request


@pytest.mark.parametrize("name", ["door", "proxy"])
async def test_three_in_four_are_told_from_seven_in_ten_on_one_connection(
    playing: Stage, name: str
) -> None:
    await play(playing, split(("foobar-v1", 75), ("foobar-v2", 25)))
    request = Request(FRONT, ROOT)
    to = way(playing, request, name)
    found = wanted(playing, request)
    assert found["shop/foobar-v2-0"] == Fraction(1, 4)
    for heard in (
        await shares.on_one_connection(to.to, request, to.authority(request), TIMES),
        await shares.on_one_http2_connection(to.to, to.authority(request), "/", TIMES),
    ):
        assert heard.total() == TIMES
        assert not chance.surprises(heard, found, ALARM)


async def test_backend_of_weight_0_gets_not_one_of_all_requests(playing: Stage) -> None:
    await play(playing, split(("foobar-v1", 1), ("foobar-v2", 0)))
    request = Request(FRONT, ROOT)
    to = way(playing, request)
    for heard in (
        await shares.on_one_connection(to.to, request, to.authority(request), TIMES),
        await shares.on_one_http2_connection(to.to, to.authority(request), "/", TIMES),
    ):
        assert heard["shop/foobar-v2-0"] == 0
        assert not chance.surprises(heard, wanted(playing, request), ALARM)


async def test_shares_are_not_rounded_to_whole_percents(playing: Stage) -> None:
    weights = (("foobar-v1", 298), ("foobar-v2", 1), ("foobar-v3", 1))
    await play(playing, service("foobar-v3", app="foobar"), split(*weights))
    request = Request(FRONT, ROOT)
    to = way(playing, request)
    found = wanted(playing, request)
    assert found["shop/foobar-v2-0"] == Fraction(1, 300) + Fraction(1, 1200)
    heard = await shares.on_one_connection(to.to, request, to.authority(request), TIMES)
    assert not chance.surprises(heard, found, ALARM)


async def test_each_client_divides_its_own_requests_and_connections(playing: Stage) -> None:
    await play(playing, split(("foobar-v1", 3), ("foobar-v2", 1)))
    found = wanted(playing, Request(FRONT, ROOT))
    for client in (FRONT, OTHER):
        for protocol in (Protocol.HTTP, Protocol.H2, Protocol.TCP):
            request = Request(client, ROOT, protocol)
            heard = await shares.on_new_connections(sender(playing, request), 600)
            assert not chance.surprises(heard, found, ALARM), (client, protocol, heard)


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.TCP])
async def test_pod_behind_several_backends_has_a_part_of_each_share(
    playing: Stage, protocol: Protocol
) -> None:
    v3 = service("foobar-v3", app="foobar")  # the pods of both others
    await play(playing, v3, split(("foobar", 1), ("foobar-v2", 1), ("foobar-v3", 2)))
    request = Request(FRONT, ROOT, protocol)
    found = wanted(playing, request)
    assert found["shop/foobar-v2-0"] == Fraction(7, 16)
    heard = await shares.on_new_connections(sender(playing, request), 800)
    assert not chance.surprises(heard, found, ALARM), heard


async def test_connections_made_once_between_two_updates_are_divided_too(playing: Stage) -> None:
    heard: Counter[str] = Counter()
    for n in range(160):
        await play(playing, split(("foobar-v1", 300 + n % 2), ("foobar-v2", 100)))
        answer = await sender(playing, Request(FRONT, ROOT, Protocol.TCP))()
        heard[answer.pod] += 1
    found = {f"shop/foobar-v1-{pod}": Fraction(1, 4) for pod in range(3)}
    assert not chance.surprises(heard, found | {"shop/foobar-v2-0": Fraction(1, 4)}, ALARM), heard


async def test_leaf_is_called_and_divided_among_at_the_same_time(playing: Stage) -> None:
    nested = split(("foobar-v1", 1), root="foobar-v2", name="nested")
    web = split(("foobar-v2", 1), root="web", name="other")
    await play(playing, split(("foobar-v1", 1), ("foobar-v2", 1)), web)
    root, leaf = Request(FRONT, ROOT), Request(FRONT, "shop/foobar-v2:80")
    for name in ("door", "proxy"):
        to, direct = way(playing, root, name), way(playing, leaf, name)
        divided, untouched = await asyncio.gather(
            shares.on_one_connection(to.to, root, to.authority(root), 1500),
            shares.on_one_connection(direct.to, leaf, direct.authority(leaf), 1500),
        )
        assert untouched == {"shop/foobar-v2-0": 1500}
        assert not chance.surprises(divided, wanted(playing, root), ALARM)
    connection = await sender(playing, Request(FRONT, "shop/foobar-v2:80", Protocol.TCP))()
    assert connection.pod == "shop/foobar-v2-0"
    await play(playing, split(("foobar-v2", 1)), nested)
    assert (await sender(playing, root)()).pod == "shop/foobar-v2-0"
    assert (await sender(playing, leaf)()).pod.startswith("shop/foobar-v1-")


async def test_caller_without_a_sidecar_meets_the_pod_that_it_dials(playing: Stage) -> None:
    permissive: Document = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "annotations": {"smi-mesh.io/mode": "permissive"}},
    }
    await play(playing, permissive, split(("foobar-v1", 1), ("foobar-v2", 0)))
    for pod in ("foobar-v1-0", "foobar-v1-1", "foobar-v2-0"):
        request = Request("none", f"pod/shop/{pod}:8080", authority="foobar.shop")
        (plain,) = playing.ways(request)
        for _ in range(20):
            answer = await speech.ask(plain.to, request, "/", "foobar.shop")
            assert answer.pod == f"shop/{pod}"


async def test_backend_that_comes_back_takes_its_share_with_the_push(playing: Stage) -> None:
    none = [d for d in cases.BASE if d["metadata"]["name"] != "foobar-v2" or d["kind"] == "Service"]
    policies = [*yaml.safe_load_all(OPEN), split(("foobar-v1", 1), ("foobar-v2", 3))]
    request = Request(FRONT, ROOT)
    for documents, share in ((cases.BASE, 3), (none, 0), (cases.BASE, 3)):
        await playing.play([*documents, *policies])
        found = wanted(playing, request)
        assert found.get("shop/foobar-v2-0", 0) == Fraction(share, 4)
        for protocol in (Protocol.HTTP, Protocol.TCP):
            asked = Request(FRONT, ROOT, protocol)
            heard = await shares.on_new_connections(sender(playing, asked), 400)
            assert not chance.surprises(heard, found, ALARM), heard
