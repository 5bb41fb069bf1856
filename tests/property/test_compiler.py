"""Whatever objects there are, the compiler makes the same mesh of them on every way to it."""

import random
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings

from smi.compiler.compile import Compiler, compile  # noqa: A004 - the field's word for it
from smi.compiler.state import ClusterState
from smi.model.mesh import Mesh
from tests import outsiders, strategies, worlds

TABLES = ("workloads", "services", "routes", "inbound", "outbound")
EDITS = 8


@given(strategies.randoms())
@settings(max_examples=100, deadline=None)
def test_order_of_the_input_means_nothing(rng: random.Random) -> None:
    found = strategies.documents(rng)
    first = compile(worlds.state(found))
    rng.shuffle(found)
    second = compile(worlds.state(found))
    assert first.mesh == second.mesh
    assert first.diagnostics == second.diagnostics
    for table in TABLES:
        assert getattr(first.mesh, table) == getattr(second.mesh, table)


@given(strategies.randoms())
@settings(max_examples=100, deadline=None)
def test_update_gives_what_a_compilation_from_scratch_gives(rng: random.Random) -> None:
    found, compiler, decoder = strategies.documents(rng), Compiler(), worlds.Decoder()
    before = compiler.update(outsiders.collected(decoder.resources(found))).mesh
    for number in range(EDITS):
        found = strategies.edited(rng, found, number)
        state = worlds.unsettled(rng, outsiders.collected(decoder.resources(found)))
        updated, scratch = compiler.update(state), compile(state)
        assert updated.mesh == scratch.mesh
        assert updated.diagnostics == scratch.diagnostics
        _assert_unchanged_entries_are_the_same_objects(before, updated.mesh)
        before = updated.mesh


def _assert_unchanged_entries_are_the_same_objects(before: Mesh, after: Mesh) -> None:
    for name in TABLES:
        old: Mapping[Any, Any] = getattr(before, name)
        new: Mapping[Any, Any] = getattr(after, name)
        if old == new:
            assert old is new
        for key in old.keys() & new.keys():
            assert old[key] is new[key] or old[key] != new[key]


@given(strategies.randoms())
@settings(max_examples=50, deadline=None)
def test_update_with_the_same_state_is_the_same_mesh(rng: random.Random) -> None:
    compiler, found = Compiler(), strategies.documents(rng)
    first = compiler.update(worlds.state(found))
    again = compiler.update(worlds.state(found))
    assert all(getattr(first.mesh, t) is getattr(again.mesh, t) for t in TABLES)
    assert first.diagnostics == again.diagnostics


@given(strategies.randoms())
@settings(max_examples=50, deadline=None)
def test_nothing_is_left_of_what_is_gone(rng: random.Random) -> None:
    compiler, found = Compiler(), strategies.documents(rng)
    compiler.update(worlds.state(found))
    for number in range(EDITS):
        found = strategies.edited(rng, found, number)
        compiler.update(worlds.state(found))
    result = compiler.update(ClusterState({}))
    assert not any(getattr(result.mesh, table) for table in TABLES)
    assert result.diagnostics == ()
    assert set(compiler._memo._cells) <= {("trust domains",), ("default mode",)}
    assert not compiler._units
    assert not compiler._members
