"""Access and splits read a route group with one meaning.

The same generated groups stand in TrafficTargets and in TrafficSplits. Of the same request a
server's sidecar judges by the one, a client's divides by the other: neither says of a group what
the other does not, and `decide` and a naive reading say the same.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio

from smi import scheme
from smi.decision.decide import decide
from smi.decision.request import Protocol, Request
from smi.specs import HTTPRouteGroup
from tests import adversary, questions, strategies
from tests import naive_parts as naive
from tests.integration.envoy import speech
from tests.integration.envoy.stage import Stage, stage
from tests.strategies import Document

pytestmark = [
    pytest.mark.envoy,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

FRONT = "pod/shop/front-0"
GROUPS, REQUESTS = 12, 40
ODD = (
    ("x-forwarded-proto", "http"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-proto", ".*"),
    ("x-forwarded-for", ".*"),
    ("x-forwarded-host", ".*"),
    ("x-forwarded-client-cert", ".*"),
    ("x-request-id", ".*"),
    ("x-envoy-internal", ".*"),
    ("x-envoy-expected-rq-timeout-ms", ".*"),
    ("x-envoy-original-path", ".*"),
    ("x-b3-traceid", ".*"),
    ("te", ".*"),
    ("via", ".*"),
    ("user-agent", ".*"),
    ("date", ".*"),
    ("connection", ".*"),
    ("keep-alive", ".*"),
)
"""Headers that proxies write, remove or look at, and what is asked of them."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def playing() -> AsyncIterator[Stage]:
    asyncio.get_running_loop().set_debug(False)  # it takes most of the time
    async with stage(random.Random(), unready=0) as found:
        yield found


def document(api: str, kind: str, name: str, spec: Document) -> Document:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def deployment(name: str, ports: list[int]) -> Document:
    container = {
        "name": name,
        "command": ["serve"],
        "ports": [{"containerPort": port} for port in ports],
    }
    spec = {"serviceAccountName": name, "containers": [container]}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    return document("apps/v1", "Deployment", name, {"template": template})


def service(name: str, app: str, port: int) -> Document:
    ports = [{"name": "http", "port": 80, "targetPort": port}]
    return document("v1", "Service", name, {"selector": {"app": app}, "ports": ports})


def target(name: str, destination: str, *rules: tuple[str, str]) -> Document:
    spec = {
        "destination": {"kind": "ServiceAccount", "name": destination},
        "sources": [{"kind": "ServiceAccount", "name": "front"}],
        "rules": [{"kind": kind, "name": rule} for kind, rule in rules],
    }
    return document("access.smi-spec.io/v1alpha4", "TrafficTarget", name, spec)


def route(kind: str, name: str, spec: Document) -> Document:
    return document("specs.smi-spec.io/v1alpha4", kind, name, spec)


def town(groups: list[Document]) -> Iterator[Document]:
    """Each of `groups` decides who reaches a port of `guarded`, and what goes to `hit`."""
    yield from (deployment(name, [8080]) for name in ("front", "hit", "miss"))
    yield deployment("guarded", [9000 + n for n in range(len(groups))])
    yield service("hit", "hit", 8080)
    yield route("TCPRoute", "all", {"matches": {"ports": []}})
    yield from (target(name, name, ("TCPRoute", "all")) for name in ("hit", "miss"))
    for n, group in enumerate(groups):
        name = group["metadata"]["name"]
        yield group
        yield service(f"root-{n}", "miss", 8080)
        yield route("TCPRoute", f"port-{n}", {"matches": {"ports": [9000 + n]}})
        yield target(f"to-{n}", "guarded", ("HTTPRouteGroup", name), ("TCPRoute", f"port-{n}"))
        spec = {
            "service": f"root-{n}",
            "backends": [{"service": "hit", "weight": 1}],
            "matches": [{"kind": "HTTPRouteGroup", "name": name}],
        }
        yield document("split.smi-spec.io/v1alpha4", "TrafficSplit", f"split-{n}", spec)


def requests(rng: random.Random, group: Document, number: int) -> Iterator[Request]:
    """What satisfies `group`, what misses it by a part, and both twisted."""
    for _ in range(REQUESTS):
        miss = rng.choice(("", "", "path", "headers", "method"))
        spoken = rng.choice((Protocol.HTTP, Protocol.H2))
        plain = Request(FRONT, f"shop/root-{number}:80", spoken)
        asked = questions.satisfying(rng, plain, {}, group, miss=miss)
        if rng.random() < 0.3:
            asked = adversary.twisted(rng, asked, f"root-{number}.shop:80")
        if "\n" not in asked.path:  # who knows the host reads the first line alone, as HTTP/0.9
            yield replace(asked, authority=asked.authority or f"root-{number}.shop")


async def chosen(playing: Stage, request: Request) -> str:
    """What the client's sidecar makes of it: `hit`, `miss`, or a status."""
    to = next(way for way in playing.ways(request) if way.name == "door")
    answer = await speech.ask(to.to, request, request.path, request.authority)
    return answer.pod.removeprefix("shop/").removesuffix("-0") or str(answer.status)


async def judged(playing: Stage, request: Request, number: int) -> str:
    """The same of the server's sidecar, which `hit` and `miss` are 200 and 403 for."""
    asked = replace(request, target=f"pod/shop/guarded-0:{9000 + number}")
    (to,) = playing.ways(asked)
    answer = await speech.ask(to.to, asked, asked.path, asked.authority)
    return {200: "hit", 403: "miss"}.get(answer.status, str(answer.status))


def meant(request: Request, group: Document) -> str:
    """What a naive reading makes of it."""
    written = scheme.decode(group)
    assert isinstance(written, HTTPRouteGroup)
    holds = naive.any_holds(written.spec.matches, request, "")
    return "hit" if holds else "miss"


async def test_group_selects_what_it_grants_and_nothing_else(
    playing: Stage, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, counts = random.Random(seed), Counter[str]()
    groups = [strategies.group(rng, "shop", f"group-{n}") for n in range(GROUPS)]
    await playing.play(list(town(groups)))
    for number, group in enumerate(groups):
        for request in requests(rng, group, number):
            split = await chosen(playing, request)
            access = await judged(playing, request, number)
            counts[f"{request.protocol} {split}/{access}"] += 1
            if {split, access} <= {"hit", "miss"}:
                assert split == access == meant(request, group), (request, group["spec"])
                decision = decide(playing.mesh, request)
                assert ("hit" if decision.split else "miss") == split, (request, group["spec"])
            else:  # no request to either, or none that a server takes where a path decides
                assert access in {split, "400"}, (request, group["spec"], split, access)
    with capsys.disabled():
        print(f"\nseed {seed}: {dict(sorted(counts.items()))}")  # noqa: T201 - a run says what it met
    for protocol in ("http", "h2"):
        assert counts[f"{protocol} hit/hit"] + counts[f"{protocol} miss/miss"] >= 100, counts


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.H2])
async def test_headers_that_sidecars_know_mean_the_same_to_both(
    playing: Stage, protocol: Protocol
) -> None:
    groups = [
        route(
            "HTTPRouteGroup", f"odd-{n}", {"matches": [{"name": "m", "headers": [{name: regex}]}]}
        )
        for n, (name, regex) in enumerate(ODD)
    ]
    await playing.play(list(town(groups)))
    for number, (name, _) in enumerate(ODD):
        for value in ("", "1", "http", "https", "trailers"):
            headers = ((name, value),) if value else ()
            plain = Request(FRONT, f"shop/root-{number}:80", protocol, headers=headers)
            request = replace(plain, authority=f"root-{number}.shop")
            split = await chosen(playing, request)
            access = await judged(playing, request, number)
            assert split == access, request
            decision = decide(playing.mesh, request)
            if split in {"hit", "miss"}:
                assert split == meant(request, groups[number]), request
                assert split == ("hit" if decision.split else "miss"), request
            else:
                assert request.forwarded is None, request
