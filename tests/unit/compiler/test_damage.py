"""Objects that have lost a part on the way from another version grant nothing that they held."""

import pytest

from smi.compiler.compile import Compiler, compile  # noqa: A004 - the field's word for it
from smi.compiler.state import collect
from smi.k8s import stash
from smi.k8s.resource import OpenResource, Resource
from tests.objects import (
    an,
    group,
    pod,
    port,
    ports,
    reasons,
    rule,
    service,
    split,
    target,
)

PODS = (pod("web-0", "web", 8080), pod("front-0", "front"), service("web", port(80, 8080)))
FIELD = f"metadata.annotations.{stash.ANNOTATION}"
OBJECTS = {
    "TrafficTarget": target("t", "web", ["front"], rule("TCPRoute", "tcp")),
    "TCPRoute": ports("TCPRoute", "tcp"),
    "UDPRoute": ports("UDPRoute", "udp"),
    "HTTPRouteGroup": group("routes", {"pathRegex": "/"}),
    "TrafficSplit": split("s", "web", [("web", 1)]),
}
USERS = (
    target("by-route", "web", ["front"], rule("HTTPRouteGroup", "routes")),
    target("by-port", "web", ["front"], rule("UDPRoute", "udp")),
)


def incomplete(resource: Resource) -> Resource:
    annotations = {stash.ANNOTATION: "{"}
    metadata = resource.metadata.model_copy(update={"annotations": annotations})
    return resource.model_copy(update={"metadata": metadata})


@pytest.mark.parametrize("kind", OBJECTS)
def test_object_that_is_incomplete_is_not_there(kind: str) -> None:
    others = [*PODS, *USERS, *(r for k, r in OBJECTS.items() if k != kind)]
    damaged, gone = (
        compile(collect([*others, *more])) for more in ([incomplete(OBJECTS[kind])], [])
    )
    assert damaged.mesh == gone.mesh
    name = f"{kind} {OBJECTS[kind].key}"
    assert set(reasons(damaged)) - set(reasons(gone)) == {
        ("error", name, FIELD, "ConversionUnreadable")
    }


@pytest.mark.parametrize("kind", OBJECTS)
def test_object_may_lose_a_part_and_find_it_again(kind: str) -> None:
    whole = collect([*PODS, *USERS, *OBJECTS.values()])
    others = [resource for k, resource in OBJECTS.items() if k != kind]
    damaged = collect([*PODS, *USERS, *others, incomplete(OBJECTS[kind])])
    compiler = Compiler()
    for state in (whole, damaged, whole, damaged):
        updated, fresh = compiler.update(state), compile(state)
        assert updated.mesh == fresh.mesh
        assert updated.diagnostics == fresh.diagnostics


def test_annotation_means_nothing_on_what_is_no_object_of_smi() -> None:
    marked = an("ServiceAccount", "front", annotations={stash.ANNOTATION: "{"})
    assert not isinstance(marked, OpenResource)
    assert reasons(compile(collect([*PODS, marked]))) == []
