"""What the specification's sentences say of requests, said by real Envoys.

Every case is played on one running mesh, one after the other, and each is an edit of the one
before. Requests that are judged go past the caller's sidecar to each pod that may answer, so that
it is the server who judges; where the caller's sidecar knows the Service, they go through it too.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio

from smi.decision.decide import Decision, decide
from smi.decision.request import Protocol, Request, caller, target
from smi.model.identity import spiffe_id
from tests import worlds
from tests.golden import cases
from tests.golden.cases import Case
from tests.integration.envoy import shares, speech
from tests.integration.envoy.speech import Answer, Dialled
from tests.integration.envoy.stage import Stage, Way, stage, tcp_source
from tests.integration.envoy.verdicts import is_expected, pods_of
from tests.naive import Naive
from tests.strategies import Document

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

TIMES = 200  # that a request is sent whose shares are judged
POLICIES = {"TrafficTarget", "TrafficSplit"}
UNION, REVOCATION = "05-targets-add-up", "06-removed-target-revokes-its-own"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def playing() -> AsyncIterator[Stage]:
    asyncio.get_running_loop().set_debug(False)  # it takes most of the time
    async with stage(random.Random(), unready=0) as found:
        yield found


@pytest.fixture(params=cases.CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


async def test_envoys_do_what_a_sentence_says(playing: Stage, case: Case) -> None:
    await _play(playing, case.documents)
    for one in case.requests:
        request = cases.request(one)
        if request.protocol is not Protocol.UDP:  # no sidecar of one machine carries it
            decision = decide(playing.mesh, request)
            assert one == cases.asked(one) | cases.answer(decision)
    await _ask_all(playing, case)


async def test_envoys_follow_when_policies_of_a_case_go_and_come(
    playing: Stage, case: Case
) -> None:
    policies = [document for document in case.own if document["kind"] in POLICIES]
    for gone in policies:
        await _play(playing, [d for d in case.documents if d is not gone])
        await _ask_all(playing, case)
    await _play(playing, case.documents)
    await _ask_all(playing, case)


async def test_deleted_target_takes_exactly_what_only_it_granted(playing: Stage) -> None:
    both, one = (_named(name) for name in (UNION, REVOCATION))
    asked = [cases.request(entry) for entry in (*both.requests, *one.requests)]
    allowed = {}
    for step, case in enumerate((one, both, one)):
        await _play(playing, case.documents)
        allowed[step] = {request for request in asked if await _reaches(playing, request)}
    assert allowed[0] < allowed[1]
    assert allowed[2] == allowed[0]
    assert {request.source for request in allowed[1] - allowed[0]} == {"shop/front"}


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.H2, Protocol.TCP])
async def test_server_refuses_a_client_without_a_sidecar(
    playing: Stage, protocol: Protocol
) -> None:
    await _play(playing, _named("14-the-server-enforces").documents)
    front = tcp_source(playing.mesh, "shop/front")
    request = Request(front, "pod/shop/web-0:8080", protocol, authority="web.shop")
    (known,) = playing.ways(request)
    (stranger,) = playing.ways(replace(request, source="none"))
    plain = Dialled(known.to.address, known.to.port)
    assert (await _sent(known, request)).status == 200
    assert await _sent(stranger, request) == Answer(0)
    assert await _sent(Way("plain", plain), request) == Answer(0)


def _named(name: str) -> Case:
    return next(case for case in cases.CASES if case.name == name)


async def _play(playing: Stage, documents: list[Document]) -> None:
    await playing.play(documents)


async def _ask_all(playing: Stage, case: Case) -> None:
    """Send every request of `case` in all ways that it has; HTTP as HTTP/2 too."""
    naive = Naive(playing.state.resources.values())
    for request in _spoken(case):
        decision = decide(playing.mesh, request)
        assert worlds.answers(decision) == naive.shares(request), request
        judged = list(_at_servers(playing, request, decision))
        assert judged or not decision.destinations, request
        for sent in (*judged, *_through_sidecars(playing, request, decision)):
            for way in playing.ways(sent):
                await _ask(playing, way, sent)


def _spoken(case: Case) -> Iterator[Request]:
    for one in case.requests:
        request = cases.request(one)
        if request.protocol is not Protocol.UDP:
            yield request
        if request.protocol is Protocol.HTTP:
            yield replace(request, protocol=Protocol.H2)


def _at_servers(playing: Stage, request: Request, decision: Decision) -> Iterator[Request]:
    """`request` to each pod that may answer it, where the same is decided."""
    name = target(request.target).name
    for destination in decision.destinations:
        for pod in pods_of(playing.mesh, destination):
            to = f"pod/{pod}:{destination.place.target_port}"
            judged = replace(request, target=to, authority=f"{name.name}.{name.namespace}")
            if not request.is_http:
                judged = replace(judged, source=tcp_source(playing.mesh, request.source))
            (same,) = decide(playing.mesh, judged).destinations
            assert same.judgement.verdict is destination.judgement.verdict
            # Where nobody judges, only who has no sidecar goes without one.
            meshed = caller(playing.mesh, judged.source).meshed
            assert playing.ways(judged) or (meshed and not destination.place.meshed), judged
            yield judged


def _through_sidecars(playing: Stage, request: Request, decision: Decision) -> Iterator[Request]:
    """`request` to a Service by a pod that is its source, or that runs as it and is no other."""
    if target(request.target).kind != "service":
        return
    who = caller(playing.mesh, request.source).spiffe
    for workload in playing.mesh.workloads.values():
        pod = f"pod/{workload.name}"
        is_meant = pod == request.source if request.source.startswith("pod/") else True
        if is_meant and who == spiffe_id(playing.mesh.trust_domain, workload.identity):
            sent = replace(request, source=pod)
            if decide(playing.mesh, sent).destinations == decision.destinations:
                yield sent
                return


async def _ask(playing: Stage, way: Way, request: Request) -> None:
    decision, mesh = decide(playing.mesh, request), playing.mesh
    answer = await _sent(way, request)
    assert is_expected(mesh, request, decision, way, answer), (request, way, answer)
    share = shares.expected(mesh, request, decision)
    if decision.split is not None and len(share) > 1:
        found = await shares.surprises(lambda: _sent(way, request), share, TIMES)
        assert not found, (request, way, found)


async def _reaches(playing: Stage, request: Request) -> bool:
    """Whether all pods behind the Service that `request` names answer it."""
    name = target(request.target).name
    pods = [e.pod for port in playing.mesh.services[name].ports for e in port.endpoints if e.pod]
    answers = []
    for pod in dict.fromkeys(pods):
        judged = replace(
            request, target=f"pod/{pod}:8080", authority=f"{name.name}.{name.namespace}"
        )
        answers += [await _sent(way, judged) for way in playing.ways(judged)]
    assert answers
    assert {answer.status for answer in answers} in ({200}, {403})
    return answers[0].status == 200


async def _sent(way: Way, request: Request) -> Answer:
    return await speech.ask(way.to, request, request.path, way.authority(request))
