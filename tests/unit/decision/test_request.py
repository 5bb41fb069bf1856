import pytest

from smi.decision.request import Caller, Protocol, Request, Target, caller, target
from smi.errors import InvalidRequest
from smi.model.identity import SpiffeId
from tests import builders as a

OLD = a.workload("old-0", "web", meshed=False)
MESH = a.mesh(workloads=[a.workload("web-0", "web"), a.workload("web-1", "web"), OLD])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("none", Caller(None, None, meshed=False)),
        ("shop/web", Caller(a.spiffe("web"), None)),
        ("pay/ghost", Caller(a.spiffe("pay/ghost"), None)),
        ("pod/web", Caller(a.spiffe("pod/web"), None)),  # a namespace may be called so
        ("pod/shop/web-0", Caller(a.spiffe("web"), MESH.workloads[a.name("web-0")].uid)),
        ("pod/shop/old-0", Caller(None, None, meshed=False)),
        ("spiffe://example.org/x", Caller(SpiffeId("spiffe://example.org/x"), None, meshed=False)),
        ("spiffe://cluster.local/x", Caller(SpiffeId("spiffe://cluster.local/x"), None)),
    ],
)
def test_source_is_whom_a_server_can_know(source: str, expected: Caller) -> None:
    assert caller(MESH, source) == expected


@pytest.mark.parametrize(
    "source", ["", "web", "/web", "shop/", "a/b/c", "spiffe://", "pod/web-0/x/y"]
)
def test_source_that_cannot_be_read_says_how_to_write_one(source: str) -> None:
    with pytest.raises(InvalidRequest, match="NAMESPACE/SERVICEACCOUNT"):
        caller(MESH, source)


def test_pod_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        InvalidRequest, match=r"no pod shop/x \(namespace shop has old-0, web-0, web-1\)"
    ):
        caller(MESH, "pod/shop/x")
    with pytest.raises(InvalidRequest, match=r"no pod pay/x$"):
        caller(MESH, "pod/pay/x")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("shop/web:80", Target("service", a.name("web"), 80)),
        ("pod/shop/web-0:8080", Target("pod", a.name("web-0"), 8080)),
        ("sa/shop/web:65535", Target("sa", a.name("web"), 65535)),
    ],
)
def test_target_is_a_service_or_the_pods_themselves(written: str, expected: Target) -> None:
    assert target(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        "web:80",
        "shop/web",
        "shop/web:",
        "shop/web:0",
        "shop/web:65536",
        "shop/web:http",
        "shop/web:٨",
        "shop/:80",
        "/web:80",
        "pod/web:x",
        "x/shop/web:80",
        "pod/shop/:80",
        "sa//web:80",
    ],
)
def test_target_that_cannot_be_read_says_how_to_write_one(written: str) -> None:
    with pytest.raises(InvalidRequest, match="NAMESPACE/SERVICE:PORT"):
        target(written)


def test_protocols_have_their_transports() -> None:
    said = {p: (Request("", "", p).is_http, Request("", "", p).transport) for p in Protocol}
    assert said == {
        Protocol.HTTP: (True, "TCP"),
        Protocol.H2: (True, "TCP"),
        Protocol.TCP: (False, "TCP"),
        Protocol.UDP: (False, "UDP"),
    }


def test_path_is_forwarded_by_the_rules_of_its_protocol() -> None:
    assert Request("", "", Protocol.HTTP, path="http://h/a/../b").forwarded == "/b"
    assert Request("", "", Protocol.H2, path="http://h/a/../b").forwarded is None
