"""Backends that refuse whom the root of their TrafficSplit lets in."""

import pytest

from smi.k8s.resource import Resource
from tests.objects import (
    account,
    addresses,
    an,
    at,
    binding,
    compiled,
    group,
    pod,
    port,
    ports,
    rule,
    service,
    split,
    target,
)

WEB = {"app": "web"}
SERVICES = (
    service("web", port(80, 8080), selector=WEB),
    service("v1", port(80, 8080), selector={"version": "v1"}),
    service("v2", port(80, 8080), selector={"version": "v2"}),
)
ROUTES = (
    ports("TCPRoute", "any"),
    ports("TCPRoute", "others", 9090),
    group("none"),
    group("api", {}),
)
ANY = rule("TCPRoute", "any")


def version(name: str, *, inject: str | None = None) -> Resource:
    """A pod that both the root and the Service of its version select."""
    labels = {**WEB, "version": name}
    return pod(f"{name}-0", name, 8080, labels=labels, address=f"10.0.0.{name[1]}", inject=inject)


PODS = (version("v1"), version("v2"))


def refusals(*objects: Resource, weights: tuple[int, int] = (9, 1), root: str = "web") -> list[str]:
    """The messages of the backends that refuse, each after its index."""
    written = split("s", root, zip(("v1", "v2"), weights, strict=True))
    found = compiled(*SERVICES, *ROUTES, written, *objects).diagnostics
    return [
        f"{d.field.removeprefix('spec.backends')} {d.message}"
        for d in found
        if d.reason == "BackendRefuses"
    ]


def test_who_may_call_one_version_and_not_the_other_is_told() -> None:
    granted = target("one", "v1", ["front", "pay/till"], ANY)
    assert refusals(*PODS, granted) == [
        (
            "[1].service ServiceAccount pay/till, shop/front may call web and not v2: what this"
            " split sends there for it is denied; grant it the pods of v2 by a TrafficTarget"
        )
    ]


def test_many_are_not_all_named() -> None:
    granted = target("one", "v1", ["d", "c", "b", "a"], ANY)
    (message,) = refusals(*PODS, granted)
    assert message.startswith("[1].service ServiceAccount shop/a, shop/b, shop/c, ... may call")


def test_nothing_is_told_where_every_version_lets_in_the_same() -> None:
    one, two = (target(v, v, ["front"], ANY) for v in ("v1", "v2"))
    assert refusals(*PODS, one, two) == []
    assert refusals(*PODS) == []


def test_backend_without_weight_may_refuse() -> None:
    granted = target("one", "v1", ["front"], ANY)
    assert refusals(*PODS, granted, weights=(1, 0)) == []
    assert len(refusals(*PODS, granted, weights=(0, 1))) == 1


@pytest.mark.parametrize(
    ("rules", "refuses"),
    [
        ([ANY], False),
        ([rule("HTTPRouteGroup", "api")], False),
        ([rule("TCPRoute", "others")], True),
        ([rule("HTTPRouteGroup", "none")], True),
        ([rule("HTTPRouteGroup", "gone")], True),
        ([rule("UDPRoute", "any")], True),
    ],
)
def test_grant_counts_where_it_lets_in_anything_at_the_port(
    rules: list[dict[str, object]], refuses: bool
) -> None:
    found = refusals(
        *PODS, target("one", "v1", ["front"], ANY), target("two", "v2", ["front"], *rules)
    )
    assert [message[:3] for message in found] == (["[1]"] if refuses else [])


def test_source_by_label_stands_for_its_account() -> None:
    front = pod("front-0", "front", labels={"tier": "front"}, address="10.0.0.9")
    labelled = binding("fronts", labels={"tier": "front"})
    by_label, by_name = account("fronts", "IdentityBinding"), account("front")
    for first, second in ((by_label, by_name), (by_name, by_label)):
        both = (target("one", "v1", [first], ANY), target("two", "v2", [second], ANY))
        assert refusals(*PODS, front, labelled, *both) == []
    (found,) = refusals(
        *PODS,
        front,
        labelled,
        target("one", "v1", [by_label, account("gone", "IdentityBinding")], ANY),
    )
    assert found.startswith("[1].service ServiceAccount shop/front may call web and not v2")


def test_backend_that_binds_nobody_refuses_nobody() -> None:
    granted = target("one", "v1", ["front"], ANY)
    assert refusals(PODS[0], version("v2", inject="disabled"), granted) == []
    listed = (
        an("Service", "v3", {"ports": [port(80)]}),
        addresses("v3", "v3", at("192.0.2.1"), port={"port": 8080}),
    )
    more = split("t", "web", [("v1", 1), ("v3", 1)])
    assert refusals(*PODS, *listed, more, granted, weights=(1, 0)) == []
    permissive = an("Namespace", "/shop", annotations={"smi-mesh.io/mode": "permissive"})
    assert refusals(*PODS, permissive, granted) == []


def test_root_without_pods_is_called_by_whoever_may_call_a_backend() -> None:
    empty = service("empty", port(80, 8080), selector={"app": "nobody"})
    (found,) = refusals(*PODS, empty, target("one", "v2", ["front"], ANY), root="empty")
    assert found.startswith("[0].service ServiceAccount shop/front may call empty and not v1")


def test_split_without_a_root_of_its_namespace_is_judged_elsewhere() -> None:
    granted = target("one", "v1", ["front"], ANY)
    for root in ("web.pay", "gone"):
        assert refusals(*PODS, granted, root=root) == []
