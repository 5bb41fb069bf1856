"""Where requests go, in which shares, and what becomes of them."""

from fractions import Fraction
from typing import Any

import pytest

from smi.decision.decide import Decision, decide
from smi.decision.judge import Verdict
from smi.decision.request import Protocol, Request
from smi.errors import InvalidRequest
from smi.k8s.resource import NamespacedName, Resource
from smi.model.inbound import Mode
from tests.objects import (
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

PODS = [
    pod("v1-0", "v1", 8080),
    pod("v1-1", "v1", 8080),
    pod("v2-0", "v2", 8080),
    pod("front-0", "front"),
]
SERVICES = [
    service("v1", port(80, 8080)),
    service("v2", port(80, 8080)),
    service("root", port(80, 8080), selector={"app": "v1"}),
]
OPEN = [
    ports("TCPRoute", "all"),
    target("one", "v1", ["front"], rule("TCPRoute", "all")),
    target("two", "v2", ["front"], rule("TCPRoute", "all")),
]


def decided(*objects: Resource, **asked: Any) -> Decision:  # noqa: ANN401
    request = Request(**{"source": "shop/front", "target": "shop/root:80", **asked})
    return decide(compiled(*PODS, *SERVICES, *objects).mesh, request)


def shares(decision: Decision) -> dict[str, Fraction]:
    return {str(d.place.service or d.place.identity): d.share for d in decision.destinations}


def test_request_to_a_service_goes_to_its_pods() -> None:
    found = decided(*OPEN)
    assert found.verdict is Verdict.ALLOW
    assert shares(found) == {"shop/root": Fraction(1)}
    assert (found.split, found.excluded) == (None, ())
    (destination,) = found.destinations
    assert (destination.place.port, destination.place.target_port) == (80, 8080)


def test_split_divides_by_weight_whatever_the_number_of_pods() -> None:
    found = decided(*OPEN, split("s", "root", [("v1", 1), ("v2", 3)]))
    assert shares(found) == {"shop/v1": Fraction(1, 4), "shop/v2": Fraction(3, 4)}
    assert found.split == NamespacedName("shop", "s")
    assert found.verdict is Verdict.ALLOW


def test_split_grants_nothing() -> None:
    objects = [*OPEN[:2], split("s", "root", [("v1", 1), ("v2", 3)])]
    found = decided(*objects)
    assert found.verdict is Verdict.MIXED
    assert {str(d.place.service): d.judgement.verdict for d in found.destinations} == {
        "shop/v1": Verdict.ALLOW,
        "shop/v2": Verdict.DENY,
    }


def test_request_to_a_leaf_is_not_split() -> None:
    found = decided(*OPEN, split("s", "root", [("v2", 1)]), target="shop/v1:80")
    assert shares(found) == {"shop/v1": Fraction(1)}


def test_request_that_no_match_selects_goes_to_the_root() -> None:
    beta = group("beta", {"headers": {"x-beta": "yes"}})
    matched = split("s", "root", [("v2", 1)], {"kind": "HTTPRouteGroup", "name": "beta"})
    objects = [*OPEN, beta, matched]
    chosen = (("x-beta", "yes"),)
    assert shares(decided(*objects, headers=chosen)) == {"shop/v2": Fraction(1)}
    assert shares(decided(*objects)) == {"shop/root": Fraction(1)}
    assert shares(decided(*objects, protocol=Protocol.TCP)) == {"shop/root": Fraction(1)}
    odd = decided(*objects, headers=chosen, path="x")
    assert shares(odd) == {"shop/root": Fraction(1)}
    assert odd.destinations[0].judgement.reason == "BadRequest"


def test_first_split_that_selects_a_request_decides() -> None:
    beta = group("beta", {"pathRegex": "/beta"})
    matched = split("a", "root", [("v2", 1)], {"kind": "HTTPRouteGroup", "name": "beta"})
    objects = [*OPEN, beta, matched, split("b", "root", [("v1", 1)])]
    assert shares(decided(*objects, path="/beta")) == {"shop/v2": Fraction(1)}
    assert shares(decided(*objects, path="/other")) == {"shop/v1": Fraction(1)}
    assert shares(decided(*objects, protocol=Protocol.TCP)) == {"shop/v1": Fraction(1)}


@pytest.mark.parametrize(
    "weights", [[], [("v1", 0)], [("gone", 1)], [("empty", 1)], [("v1", 0), ("gone", 1)]]
)
def test_split_without_a_destination_is_unavailable(weights: list[tuple[str, int]]) -> None:
    empty = service("empty", port(80), selector={})
    found = decided(*OPEN, empty, split("s", "root", weights))
    assert (found.verdict, found.destinations) == (Verdict.UNAVAILABLE, ())
    assert found.split == NamespacedName("shop", "s")


def test_excluded_backends_are_named() -> None:
    found = decided(*OPEN, split("s", "root", [("v1", 1), ("gone", 9)]))
    assert shares(found) == {"shop/v1": Fraction(1)}
    assert [(e.service.name, e.reason) for e in found.excluded] == [("gone", "BackendNotFound")]


def test_pods_of_one_service_that_answer_differently_are_told_apart() -> None:
    blue = pod("v1-2", "v1", 8080, labels={"tier": "blue"})
    found = decided(
        OPEN[0],
        blue,
        binding("blue", labels={"tier": "blue"}),
        target(
            "t", {"kind": "IdentityBinding", "name": "blue"}, ["front"], rule("TCPRoute", "all")
        ),
    )
    assert found.verdict is Verdict.MIXED
    assert {d.judgement.verdict: d.share for d in found.destinations} == {
        Verdict.ALLOW: Fraction(1, 3),
        Verdict.DENY: Fraction(2, 3),
    }


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("pod/shop/v1-0:8080", {"shop/v1": Fraction(1)}),
        ("sa/shop/v1:8080", {"shop/v1": Fraction(1)}),
    ],
)
def test_pods_may_be_named_themselves(to: str, expected: dict[str, Fraction]) -> None:
    found = decided(*OPEN, target=to)
    assert shares(found) == expected
    assert found.destinations[0].place.service is None


def test_pod_that_is_not_ready_answers_nobody() -> None:
    asleep = pod("asleep-0", "v1", 8080, ready="False")
    assert decided(asleep, target="pod/shop/asleep-0:8080").verdict is Verdict.UNAVAILABLE


def test_udp_goes_to_the_udp_port_and_is_never_split() -> None:
    dns = service("dns", port(53, 8080, protocol="UDP"), port(53, 8080), selector={"app": "v1"})
    objects = [
        dns,
        split("s", "dns", [("v2", 1)]),
        ports("UDPRoute", "dns", 53),
        target("t", "v1", ["front"], rule("UDPRoute", "dns")),
    ]
    found = decided(*objects, target="shop/dns:53", protocol=Protocol.UDP)
    assert (found.verdict, found.split) == (Verdict.ALLOW, None)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"target": "shop/gone:80"}, r"no Service shop/gone \(namespace shop has root, v1, v2\)"),
        ({"target": "pay/gone:80"}, "no Service pay/gone$"),
        ({"target": "shop/root:81"}, r"no TCP port 81 \(it has 80\)"),
        ({"protocol": Protocol.UDP}, r"no UDP port 80 \(it has none\)"),
        ({"target": "pod/shop/gone:80"}, "no pod named shop/gone"),
        ({"target": "sa/shop/gone:80"}, "no pod that runs as ServiceAccount shop/gone"),
    ],
)
def test_target_that_is_not_there_is_no_request(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        decided(**asked)


@pytest.mark.parametrize("mode", [Mode.PERMISSIVE, Mode.AUDIT])
@pytest.mark.parametrize("source", ["ops/front", "none", "spiffe://example.org/ns/a/sa/b"])
def test_open_namespace_admits_anybody(mode: Mode, source: str) -> None:
    namespace = an("Namespace", "shop", annotations={"smi-mesh.io/mode": mode})
    found = decided(namespace, split("s", "root", [("v1", 1), ("v2", 3)]), source=source)
    assert (found.verdict, found.mode, found.enforced) == (Verdict.ALLOW, mode, False)
    # Only a sidecar of this mesh knows of the split.
    divided = {"shop/v1": Fraction(1, 4), "shop/v2": Fraction(3, 4)}
    assert shares(found) == (divided if source == "ops/front" else {"shop/root": Fraction(1)})


def test_strict_verdict_is_enforced() -> None:
    found = decided()
    assert (found.verdict, found.mode, found.enforced) == (Verdict.DENY, Mode.STRICT, True)


def test_mode_is_that_of_the_destination_whatever_the_callers() -> None:
    found = decided(
        an("Namespace", "ops", annotations={"smi-mesh.io/mode": "permissive"}), source="ops/x"
    )
    assert (found.verdict, found.enforced) == (Verdict.DENY, True)


def external(name: str, host: str, *numbers: int) -> Resource:
    """A Service that is another name of `host`."""
    listed = [port(number) for number in numbers]
    return an("Service", name, {"type": "ExternalName", "externalName": host, "ports": listed})


def test_external_name_leaves_the_mesh_unenforced() -> None:
    ext, via = external("ext", "example.org", 8080), external("via", "ext.shop.svc")
    for to, more in (("shop/ext:8080", ext), ("shop/via:443", via)):
        found = decided(ext, more, target=to)
        assert (found.verdict, found.enforced) == (Verdict.ALLOW, False)
        assert (found.outside, found.destinations) == ("example.org", ())


def test_external_name_has_the_ports_that_it_declares_or_the_webs() -> None:
    with pytest.raises(InvalidRequest, match="has no TCP port 81 \\(it has 8080\\)"):
        decided(external("ext", "example.org", 8080), target="shop/ext:81")
    with pytest.raises(InvalidRequest, match="has no TCP port 81 \\(it has 80, 443\\)"):
        decided(external("ext", "example.org"), target="shop/ext:81")


def test_external_name_of_a_service_is_judged_as_that_service() -> None:
    by_host = group("routes", {"name": "m", "headers": [{"host": "w.shop"}]})
    aliased = external("w", "root.shop.svc.cluster.local")
    granted = target("one", "v1", ["front"], rule("HTTPRouteGroup", "routes"))
    found = decided(aliased, by_host, granted, target="shop/w:80")
    assert (found.verdict, found.outside) == (Verdict.ALLOW, "")
    assert found.destinations[0].place.service == NamespacedName("shop", "root")
    assert decided(aliased, by_host, granted).verdict is Verdict.DENY


def test_external_names_in_a_circle_stand_for_nothing() -> None:
    circle = (external("a", "b.shop.svc"), external("b", "a.shop.svc"))
    with pytest.raises(InvalidRequest, match="stands for nothing"):
        decided(*circle, target="shop/a:80")


OUTSIDE = [
    service("ext", port(80), selector={}),
    addresses("ext-1", "ext", at("192.0.2.1"), port={"port": 8080}),
    pod("old-0", "old", 8080, inject="disabled"),
    service("old", port(80, 8080)),
]


@pytest.mark.parametrize("source", ["shop/front", "none", "pod/shop/old-0"])
@pytest.mark.parametrize("to", ["shop/ext:80", "shop/old:80", "pod/shop/old-0:8080"])
def test_nothing_is_enforced_where_no_sidecar_is(source: str, to: str) -> None:
    found = decided(*OUTSIDE, source=source, target=to)
    assert (found.verdict, found.enforced) == (Verdict.ALLOW, False)
    (destination,) = found.destinations
    assert destination.judgement.reason == "NoSidecar"
    assert not destination.place.meshed
    assert (destination.place.identity is None) is (to == "shop/ext:80")


def test_only_a_sidecar_refuses_what_is_no_request() -> None:
    through = decided(*OUTSIDE, target="shop/old:80", path="x")
    assert (through.verdict, through.destinations[0].judgement.reason) == (
        Verdict.DENY,
        "BadRequest",
    )
    bare = decided(*OUTSIDE, source="none", target="shop/old:80", path="/a/../b")
    assert (bare.verdict, bare.destinations[0].judgement.path) == (Verdict.ALLOW, "/a/../b")


def test_policy_is_enforced_where_some_of_them_have_a_sidecar() -> None:
    half = service("half", port(80, 8080), selector={"half": "yes"})
    pods = [
        pod("new-0", "new", 8080, labels={"half": "yes"}),
        pod("old-1", "old", 8080, labels={"half": "yes"}, inject="disabled"),
    ]
    found = decided(half, *pods, target="shop/half:80")
    assert (found.verdict, found.enforced) == (Verdict.MIXED, True)
    told = {d.place.meshed: (d.share, d.judgement.reason) for d in found.destinations}
    assert told == {True: (Fraction(1, 2), "NoPolicy"), False: (Fraction(1, 2), "NoSidecar")}
