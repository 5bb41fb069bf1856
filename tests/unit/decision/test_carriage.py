"""What a declared port makes of what is spoken to it."""

import pytest

from smi.decision.decide import decide
from smi.decision.judge import Verdict
from smi.decision.request import Protocol, Request
from smi.k8s.resource import Resource
from smi.model.mesh import Mesh
from tests.objects import an, compiled, group, pod, port, ports, rule, service, split, target

DECLARED = [port(80, 8080, name="http"), port(81, 8080, name="tcp"), port(82, 8080)]
SPOKEN = [Protocol.HTTP, Protocol.H2, Protocol.TCP]


def mesh(*objects: Resource) -> Mesh:
    """`web`, whose port 80 is of HTTP, 81 of bytes, and 82 declares nothing."""
    pods = [pod("web-0", "web", 8080), pod("front-0", "front")]
    return compiled(*pods, service("web", *DECLARED), *objects).mesh


ANY_BYTES = [ports("TCPRoute", "all"), target("t", "web", ["front"], rule("TCPRoute", "all"))]
ANY_REQUEST = [group("all", {}), target("t", "web", ["front"], rule("HTTPRouteGroup", "all"))]


def told(found: Mesh, number: int, protocol: Protocol, source: str = "shop/front") -> str:
    """The reason, and as what the servers are spoken to where that is another protocol."""
    decision = decide(found, Request(source, f"shop/web:{number}", protocol))
    (destination,) = decision.destinations
    carried = "" if decision.protocol is protocol else f" as {decision.protocol}"
    return f"{destination.judgement.reason}{carried}"


@pytest.mark.parametrize("protocol", SPOKEN)
def test_who_may_send_any_bytes_may_send_what_the_port_declares(protocol: Protocol) -> None:
    found = mesh(*ANY_BYTES)
    bytes_to_http = "BadRequest" if protocol is Protocol.TCP else "Allowed"
    as_bytes = "Allowed" if protocol is Protocol.TCP else "Allowed as tcp"
    assert told(found, 80, protocol) == bytes_to_http
    assert told(found, 81, protocol) == as_bytes
    assert told(found, 82, protocol) == "Allowed"


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.H2])
def test_route_allows_nothing_where_bytes_are_declared(protocol: Protocol) -> None:
    found = mesh(*ANY_REQUEST)
    assert told(found, 80, protocol) == "Allowed"
    assert told(found, 81, protocol) == "ProtocolNotGranted as tcp"
    assert told(found, 82, protocol) == "Allowed"


@pytest.mark.parametrize("mode", ["permissive", "audit"])
def test_bytes_are_no_request_in_any_mode(mode: str) -> None:
    namespace = an("Namespace", "shop", annotations={"smi-mesh.io/mode": mode})
    assert told(mesh(namespace), 80, Protocol.TCP) == "BadRequest"
    decision = decide(mesh(namespace), Request("shop/front", "shop/web:80", Protocol.TCP))
    assert decision.verdict is Verdict.DENY


def test_matches_of_a_split_select_nothing_where_bytes_are_declared() -> None:
    matches = {"kind": "HTTPRouteGroup", "name": "all"}
    canary = split("canary", "web", [("web", 1)], matches)
    found = mesh(*ANY_REQUEST, canary)
    for number, by in ((80, "shop/canary"), (81, "None"), (82, "shop/canary")):
        decision = decide(found, Request("shop/front", f"shop/web:{number}"))
        assert str(decision.split) == by


@pytest.mark.parametrize("source", ["none", "spiffe://example.org/ns/shop/sa/front"])
def test_who_has_no_sidecar_of_the_mesh_is_judged_by_the_pods_alone(source: str) -> None:
    namespace = an("Namespace", "shop", annotations={"smi-mesh.io/mode": "permissive"})
    for number in (80, 81, 82):
        assert told(mesh(namespace), number, Protocol.TCP, source) == "Permissive"
        assert told(mesh(namespace), number, Protocol.HTTP, source) == "Permissive"


def test_pods_that_are_named_themselves_declare_nothing() -> None:
    found = mesh(*ANY_BYTES)
    decision = decide(found, Request("shop/front", "pod/shop/web-0:8080", Protocol.TCP))
    assert decision.verdict is Verdict.ALLOW


def test_udp_is_no_matter_of_what_is_declared() -> None:
    objects = [
        pod("dns-0", "dns", 53),
        service("dns", port(53, 53, name="http", protocol="UDP")),
        ports("UDPRoute", "all"),
        target("t", "dns", ["front"], rule("UDPRoute", "all")),
    ]
    decision = decide(compiled(*objects).mesh, Request("shop/front", "shop/dns:53", Protocol.UDP))
    assert decision.verdict is Verdict.ALLOW
    assert decision.protocol is Protocol.UDP
