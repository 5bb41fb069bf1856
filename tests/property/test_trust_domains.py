"""An alias is another name of those who are granted something, and grants nothing by itself."""

import random
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, settings

from smi.compiler.compile import compile  # noqa: A004 - the field's word for it
from smi.compiler.state import ClusterState
from smi.decision.decide import decide
from smi.decision.request import Request, caller
from smi.model.identity import service_identity, spiffe_ids
from smi.model.inbound import Rule
from smi.model.mesh import Mesh
from tests import strategies, worlds
from tests.questions import questions

OWN = "cluster.local"
WRITTEN, UNWRITTEN = "example.org", "old.example"  # in the generated bindings, and nowhere


def known_as(state: ClusterState, *aliases: str) -> Mesh:
    return compile(replace(state, trust_domain_aliases=aliases)).mesh


def rules(mesh: Mesh) -> Iterator[Rule]:
    return (rule for inbound in mesh.inbound.values() for rule in inbound.rules)


def verdicts(mesh: Mesh, request: Request) -> tuple[object, ...]:
    judged = (destination.judgement for destination in decide(mesh, request).destinations)
    return tuple((judgement.verdict, judgement.policies) for judgement in judged)


@settings(max_examples=60)
@given(strategies.randoms())
def test_alias_grants_nothing_that_the_trust_domain_itself_does_not(rng: random.Random) -> None:
    state = worlds.state(strategies.documents(rng))
    for rule in rules(known_as(state, WRITTEN, UNWRITTEN)):
        own = {service_identity(OWN, spiffe) for spiffe in rule.spiffe_ids} - {None}
        expected = (spiffe_ids((OWN, WRITTEN, UNWRITTEN), identity) for identity in own if identity)
        assert rule.spiffe_ids == frozenset().union(*expected)


@settings(max_examples=60)
@given(strategies.randoms())
def test_mesh_without_its_alias_is_the_mesh_that_never_had_one(rng: random.Random) -> None:
    state = worlds.state(strategies.documents(rng))
    aliased = known_as(state, UNWRITTEN)
    for mine, plain in zip(rules(aliased), rules(known_as(state)), strict=True):
        ids = frozenset(one for one in mine.spiffe_ids if not one.startswith("spiffe://old"))
        assert replace(mine, spiffe_ids=ids) == plain
    tables = ("workloads", "services", "routes", "outbound")
    assert all(getattr(aliased, t) == getattr(known_as(state), t) for t in tables)


@settings(max_examples=60)
@given(strategies.randoms())
def test_caller_is_judged_alike_by_each_of_its_names(rng: random.Random) -> None:
    found = strategies.documents(rng)
    mesh = known_as(worlds.state(found), WRITTEN, UNWRITTEN)
    for request in questions(rng, found, 20):
        identity = service_identity(OWN, caller(mesh, request.source).spiffe or "")
        if identity is not None:
            names = spiffe_ids(mesh.trust_domains, identity)
            assert len({verdicts(mesh, replace(request, source=name)) for name in names}) == 1
