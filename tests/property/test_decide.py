"""Whatever the mesh, a request gets what the specification says."""

import random
from fractions import Fraction
from typing import Any

from hypothesis import given, settings

from smi.compiler.compile import compile  # noqa: A004 - the field's word for it
from smi.compiler.state import ClusterState
from smi.decision.decide import Decision, decide
from smi.decision.judge import Verdict
from smi.decision.request import Request
from smi.model.mesh import Mesh
from tests import questions, strategies, worlds
from tests.naive import Naive


def mesh_of(found: list[strategies.Document]) -> Mesh:
    return compile(worlds.state(found)).mesh


def ways(decision: Decision) -> list[tuple[Any, ...]]:
    """Where a request goes and what becomes of it, without the policies that say so."""
    return [(d.place, d.share, d.judgement.verdict) for d in decision.destinations]


@given(strategies.randoms())
@settings(max_examples=150, deadline=None)
def test_decide_agrees_with_a_naive_reading_of_the_objects(rng: random.Random) -> None:
    found = strategies.documents(rng)
    state = (
        worlds.unsettled(rng, worlds.state(found)) if rng.random() < 0.5 else worlds.state(found)
    )
    mesh, naive = compile(state).mesh, Naive(state.resources.values())
    for request in questions.askable(mesh, rng, found):
        assert worlds.answers(decide(mesh, request)) == naive.shares(request), request


@given(strategies.randoms())
@settings(max_examples=50, deadline=None)
def test_shares_sum_to_one_or_nothing_can_answer(rng: random.Random) -> None:
    found = strategies.documents(rng)
    mesh = compile(worlds.unsettled(rng, worlds.state(found))).mesh
    for request in questions.askable(mesh, rng, found):
        decision = decide(mesh, request)
        total = sum(destination.share for destination in decision.destinations)
        assert total == (0 if decision.verdict is Verdict.UNAVAILABLE else 1)
        assert all(destination.share > 0 for destination in decision.destinations)


@given(strategies.randoms())
@settings(max_examples=30, deadline=None)
def test_no_traffic_target_no_access(rng: random.Random) -> None:
    gone = {"TrafficTarget", "Namespace"}
    found = [d for d in strategies.documents(rng) if d["kind"] not in gone]
    mesh = mesh_of(found)
    for request in questions.askable(mesh, rng, found):
        guarded = [d for d in decide(mesh, request).destinations if d.place.meshed]
        assert all(d.judgement.verdict is Verdict.DENY for d in guarded)
    open_to_all = any(port.unmeshed for s in mesh.services.values() for port in s.ports)
    assert open_to_all or all(not outbound.routes for outbound in mesh.outbound.values())


@given(strategies.randoms())
@settings(max_examples=60, deadline=None)
def test_adding_a_target_never_removes_access(rng: random.Random) -> None:
    found = strategies.documents(rng)
    more = [*found, strategies.target(rng, found, "one-more")]
    before, after = mesh_of(found), mesh_of(more)
    for request in questions.at_pods(before, questions.askable(before, rng, more)):
        if decide(before, request).verdict is Verdict.ALLOW:
            assert decide(after, request).verdict is Verdict.ALLOW


@given(strategies.randoms())
@settings(max_examples=60, deadline=None)
def test_removing_a_target_revokes_exactly_what_only_it_granted(rng: random.Random) -> None:
    found = strategies.documents(rng)
    gone = rng.choice(strategies.of(found, "TrafficTarget"))
    name = (gone["metadata"]["namespace"], gone["metadata"]["name"])
    before, after = mesh_of(found), mesh_of([d for d in found if d is not gone])
    for request in questions.at_pods(before, questions.askable(before, rng, found)):
        was, now = decide(before, request).destinations, decide(after, request).destinations
        granted = {policy for d in was for policy in d.judgement.policies}
        assert {policy for d in now for policy in d.judgement.policies} == granted - {name}


@given(strategies.randoms())
@settings(max_examples=60, deadline=None)
def test_objects_that_nothing_refers_to_change_nothing(rng: random.Random) -> None:
    found = strategies.documents(rng)
    ns = rng.choice(strategies.of(found, "Deployment"))["metadata"]["namespace"]
    more = [
        *found,
        strategies.binding(rng, ns, "unused"),
        strategies.group(rng, ns, "unused"),
        strategies.ports_route(rng, ns, "TCPRoute", "unused"),
    ]
    before, after = mesh_of(found), mesh_of(more)
    for request in questions.askable(before, rng, found):
        assert worlds.answers(decide(before, request)) == worlds.answers(decide(after, request))


@given(strategies.randoms())
@settings(max_examples=60, deadline=None)
def test_weights_are_shares_whatever_their_sum(rng: random.Random) -> None:
    found = strategies.documents(rng)
    factor = rng.randint(2, 10**6)
    scaled = [_scaled(d, factor) if d["kind"] == "TrafficSplit" else d for d in found]
    one, other = mesh_of(found), mesh_of(scaled)
    for request in questions.askable(one, rng, found):
        assert ways(decide(one, request)) == ways(decide(other, request))


def _scaled(split: strategies.Document, factor: int) -> strategies.Document:
    spec = split["spec"]
    backends = [{**b, "weight": b["weight"] * factor} for b in spec["backends"]]
    return {**split, "spec": {**spec, "backends": backends}}


@given(strategies.randoms())
@settings(max_examples=60, deadline=None)
def test_backend_of_weight_zero_gets_nothing(rng: random.Random) -> None:
    found = strategies.documents(rng)
    found += [strategies.split(rng, found, f"more-{number}") for number in range(4)]
    mesh = mesh_of(found)
    written = {
        (d["metadata"]["namespace"], d["metadata"]["name"]): d["spec"]["backends"]
        for d in strategies.of(found, "TrafficSplit")
    }
    for request in questions.askable(mesh, rng, found):
        decision = decide(mesh, request)
        if decision.split is not None:
            given_ = {b["service"] for b in written[decision.split] if b["weight"] > 0}
            names = {d.place.service.name for d in decision.destinations if d.place.service}
            assert names <= given_
            assert not names & {excluded.service.name for excluded in decision.excluded}


@given(strategies.randoms())
@settings(max_examples=60, deadline=None)
def test_shares_of_a_split_keep_the_proportions_of_its_weights(rng: random.Random) -> None:
    found = strategies.documents(rng)
    found += [strategies.split(rng, found, f"more-{number}") for number in range(4)]
    mesh = mesh_of(found)
    for name, routes in mesh.routes.items():
        for route in routes:
            request = Request(source="ops/anybody", target=f"{name}:{route.port}")
            decision = decide(mesh, request)
            split = next((s for s in route.splits if s.name == decision.split), None)
            if split is None:
                continue
            shares: dict[Any, Fraction] = {}
            for d in decision.destinations:
                shares[d.place.service] = shares.get(d.place.service, Fraction()) + d.share
            total = sum(destination.weight for destination in split.destinations)
            assert shares == {d.service: Fraction(d.weight, total) for d in split.destinations}


@given(strategies.randoms())
@settings(max_examples=60, deadline=None)
def test_client_may_name_every_service_that_would_let_it_in(rng: random.Random) -> None:
    found = strategies.documents(rng)
    state: ClusterState = worlds.state(found)
    mesh = compile(state).mesh
    for request in questions.askable(mesh, rng, found):
        if request.source.startswith("pod/") and decide(mesh, request).verdict in {
            Verdict.ALLOW,
            Verdict.MIXED,
        }:
            if request.target.startswith(("pod/", "sa/")) or request.protocol == "udp":
                continue
            client = next(w for w in mesh.workloads.values() if f"pod/{w.name}" == request.source)
            if not client.meshed:
                continue
            roots = {(str(r.root), r.port) for r in mesh.outbound[client.identity].routes}
            root, _, port = request.target.rpartition(":")
            assert (root, int(port)) in roots, request
