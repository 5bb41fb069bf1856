"""What an author hears of the protocols that a Service declares."""

import pytest

from smi.k8s.resource import Resource
from tests.objects import Fields, compiled, group, pod, port, ports, rule, service, split, target


def told(*objects: Resource) -> list[tuple[str, str, str]]:
    """Object, field and reason of each finding."""
    return [(f"{d.kind} {d.name}", d.field, d.reason) for d in compiled(*objects).diagnostics]


DB = ("Service shop/db", "spec.ports[0].appProtocol")
WEB = pod("web-0", "web", 8080, 9090)


@pytest.mark.parametrize("number", [21, 22, 23, 25, 110, 119, 143, 587, 3306, 4190, 4222, 5900])
def test_silence_about_a_server_that_speaks_first_is_a_warning(number: int) -> None:
    assert told(service("db", port(number))) == [(*DB, "ServerFirstPort")]
    for declared in ({"appProtocol": "tcp"}, {"name": "tcp-db"}, {"appProtocol": "mysql"}):
        assert told(service("db", port(number, **declared))) == []
    assert told(service("db", port(number, name="main"))) == [(*DB, "ServerFirstPort")]


@pytest.mark.parametrize("number", [80, 443, 5432, 6379, 8080, 27017, 9092, 11211])
def test_who_lets_the_client_speak_first_need_not_declare_it(number: int) -> None:
    assert told(service("db", port(number))) == []


def test_port_that_leads_to_such_a_server_is_one_whatever_its_own_number() -> None:
    assert told(service("db", port(13306, 3306))) == [(*DB, "ServerFirstPort")]
    named = (service("db", port(80, "sql")), pod("db-0", "db", named={"sql": 3306}))
    assert told(*named) == [(*DB, "ServerFirstPort")]


def test_warning_says_which_protocol_and_what_to_write() -> None:
    (found,) = compiled(service("db", port(3306))).diagnostics
    assert str(found.severity) == "warning"
    assert "in MySQL, whose port 3306 is, the server speaks first" in found.message
    assert found.message.endswith("write `appProtocol: tcp`")


def test_udp_has_nothing_to_declare() -> None:
    assert told(service("db", port(22, protocol="UDP"))) == []


@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        ({"name": "http"}, {"appProtocol": "tcp"}, True),
        ({"name": "grpc"}, {"name": "tls"}, True),
        ({"name": "http"}, {"name": "grpc"}, False),
        ({"name": "http"}, {}, False),
        ({"name": "tcp"}, {}, False),
    ],
)
def test_two_services_should_say_the_same_of_one_port(
    one: Fields, other: Fields, contradict: bool
) -> None:
    objects = (
        WEB,
        service("web", port(80, 8080, **one)),
        service("also", port(81, 9090), port(80, 8080, **other), selector={"app": "web"}),
    )
    expected = [
        ("Service shop/also", "spec.ports[1].appProtocol", "ProtocolContradicted"),
        ("Service shop/web", "spec.ports[0].appProtocol", "ProtocolContradicted"),
    ]
    assert told(*objects) == (expected if contradict else [])


def test_one_service_should_say_the_same_of_one_port_twice() -> None:
    objects = (
        WEB,
        service("web", port(80, 8080, name="http"), port(81, 8080, name="tcp"), port(82, "gone")),
    )
    assert [reason for _, _, reason in told(*objects)] == [
        "ProtocolContradicted",
        "ProtocolContradicted",
        "PortNotFound",
    ]


def test_contradiction_ends_with_its_pods() -> None:
    objects = (
        pod("web-0", "web", 8080, phase="Failed"),
        service("web", port(80, 8080, name="http"), port(81, 8080, name="tcp")),
    )
    assert told(*objects) == []


ROUTES = (
    WEB,
    group("all", {}),
    ports("TCPRoute", "first", 8080),
    target("t", "web", ["default"], rule("HTTPRouteGroup", "all")),
)
UNSEEN = ("TrafficTarget shop/t", "spec.rules", "RequestsNotSeen")


def test_routes_where_only_bytes_are_seen_are_a_warning() -> None:
    assert told(*ROUTES, service("web", port(80, 8080, name="tcp"))) == [UNSEEN]
    udp = port(80, 9090, protocol="UDP")
    assert told(*ROUTES, service("web", port(80, 8080, name="tcp"), udp)) == [UNSEEN]


@pytest.mark.parametrize("seen", [{"name": "http"}, {}])
def test_routes_are_of_use_where_some_port_may_show_requests(seen: Fields) -> None:
    assert told(*ROUTES, service("web", port(80, 8080, name="tcp"), port(81, 9090, **seen))) == []


def test_only_the_ports_that_a_target_grants_matter() -> None:
    both = target("t", "web", ["default"], rule("HTTPRouteGroup", "all"), rule("TCPRoute", "first"))
    services = service("web", port(80, 8080, name="tcp"), port(81, 9090, name="http"))
    assert told(*ROUTES[:3], both, services) == [UNSEEN]


def test_bytes_need_no_requests() -> None:
    bytes_ = target("t", "web", ["default"], rule("TCPRoute", "first"))
    assert told(*ROUTES[:3], bytes_, service("web", port(80, 8080, name="tcp"))) == []


def test_split_that_selects_requests_where_only_bytes_are_seen_is_a_warning() -> None:
    matches = {"kind": "HTTPRouteGroup", "name": "all"}
    selecting = split("beta", "web", [("web", 1)], matches)
    dividing = split("canary", "web", [("web", 1)])
    bytes_ = service("web", port(80, 8080, name="tcp"))
    here = ("TrafficSplit shop/beta", "spec.matches", "RequestsNotSeen")
    assert here in told(*ROUTES[:2], bytes_, selecting, dividing)
    either = service("web", port(80, 8080, name="tcp"), port(81, 8080))
    for objects in ((either, selecting), (bytes_, dividing)):
        assert here[1:] not in [(field, reason) for _, field, reason in told(*ROUTES[:2], *objects)]


def test_named_port_that_is_not_there_leads_nowhere() -> None:
    found = told(*ROUTES, service("web", port(80, "gone", name="tcp")))
    assert [reason for _, _, reason in found] == ["PortNotFound"]
    ended = pod("web-1", "web", 8080, phase="Succeeded")
    assert told(*ROUTES, ended, service("web", port(80, 8080, name="http"))) == []
