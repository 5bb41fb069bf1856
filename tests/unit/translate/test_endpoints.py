from fractions import Fraction

import pytest

from smi.model.service import AppProtocol, Endpoint, ServicePort
from smi.model.workload import Detour
from smi_envoy.translate import endpoints
from smi_envoy.translate.endpoints import PLAIN, Share
from tests import builders as a
from tests.xds_json import as_json, parts, values


def at(pod: str, port: int = 28080) -> Endpoint:
    """An endpoint of `web` called after its pod."""
    return Endpoint(a.name(pod), a.identity("web"), f"127.0.0.{pod[-1]}", port, 8080)


def weights(*shares: Share) -> dict[str, Fraction]:
    """The part of all connections that each address gets."""
    return parts(as_json(endpoints.of_shares("c", shares, None)))


def test_endpoints_of_a_port_are_where_peers_dial() -> None:
    pod = a.workload("web-0", "web", address="127.9.9.1", detours={8080: Detour(28080, 40000)})
    port = a.service("web", 80, [pod], target=8080).port(80)
    said = as_json(endpoints.of_port("shop/web:80|http", port))
    assert said["cluster_name"] == "shop/web:80|http"
    assert list(values(said, "socket_address")) == [{"address": "127.9.9.1", "port_value": 28080}]


def test_who_has_no_sidecar_says_so_and_nobody_else_does() -> None:
    old = at("old-1")._replace(meshed=False)
    outside = Endpoint(None, None, "192.0.2.1", 5432, 5432, meshed=False)
    behind = (outside, at("web-0"), old)
    port = ServicePort(80, "", "TCP", AppProtocol.HTTP, behind, frozenset(), unmeshed=True)
    shares = (Share(a.name("web"), 1, behind),)
    for said in (endpoints.of_port("c", port), endpoints.of_shares("c", shares, None)):
        told = {
            host["endpoint"]["address"]["socket_address"]["address"]: list(
                values(host, "envoy.transport_socket_match")
            )
            for host in next(values(as_json(said), "lb_endpoints"))
        }
        assert told == {"192.0.2.1": [PLAIN], "127.0.0.0": [], "127.0.0.1": [PLAIN]}


def test_no_port_and_no_pods_are_no_endpoints() -> None:
    assert as_json(endpoints.of_port("c", None)) == {"cluster_name": "c"}
    assert as_json(endpoints.of_port("c", a.service("web", 80, []).port(80))) == {
        "cluster_name": "c"
    }


def test_pods_have_the_share_of_their_service_between_them() -> None:
    found = weights(
        Share(a.name("v1"), 90, (at("v1-1"), at("v1-2"))), Share(a.name("v2"), 10, (at("v2-3"),))
    )
    assert found == pytest.approx({"127.0.0.1": 0.45, "127.0.0.2": 0.45, "127.0.0.3": 0.1})


def test_service_without_pods_has_no_share() -> None:
    assert weights(Share(a.name("v1"), 90, ()), Share(a.name("v2"), 10, (at("v2-3"),))) == {
        "127.0.0.3": 1
    }
    assert weights(Share(a.name("v1"), 90, ())) == {}


def test_pod_behind_two_services_has_both_shares() -> None:
    both, one = at("v1-1"), at("v2-2")
    assert weights(Share(a.name("all"), 1, (both, one)), Share(a.name("v2"), 1, (one,))) == {
        "127.0.0.1": 0.25,
        "127.0.0.2": 0.75,
    }


def test_smallest_share_is_not_none() -> None:
    found = weights(
        Share(a.name("v1"), 2**63 - 1, (at("v1-1"),)), Share(a.name("v2"), 1, (at("v2-2"),))
    )
    assert 0 < found["127.0.0.2"] < 1e-9


def test_small_share_among_many_pods_stays_small() -> None:
    many = tuple(at("v2-2", port) for port in range(1000))
    found = weights(Share(a.name("v1"), 10**8, (at("v1-1"),)), Share(a.name("v2"), 1, many))
    assert found["127.0.0.1"] == pytest.approx(1 - 1e-8, abs=1e-9)


def test_pods_behind_the_same_services_are_one_locality_that_keeps_its_name() -> None:
    both, one = at("v1-1"), at("v2-2")
    all_, v2 = Share(a.name("all"), 1, (both, one)), Share(a.name("v2"), 1, (one,))
    zones = {
        number: sorted(values(as_json(endpoints.of_shares("c", shares, None)), "sub_zone"))
        for number, shares in enumerate(((all_, v2), (all_, v2._replace(weight=7)), (v2,)))
    }
    assert zones == {
        0: ["shop/all", "shop/all,shop/v2"],
        1: ["shop/all", "shop/all,shop/v2"],
        2: ["shop/v2"],
    }


def test_every_locality_has_a_weight_without_which_connections_pass_it_by() -> None:
    pod = a.workload("web-0", "web", detours={8080: Detour(28080, 40000)})
    port = a.service("web", 80, [pod], target=8080).port(80)
    for said in (endpoints.of_port("c", port), endpoints.of_pod("c", pod, 8080)):
        assert parts(as_json(said)) == {pod.address: 1}


def test_endpoint_says_its_service_and_split() -> None:
    said = as_json(
        endpoints.of_shares("c", (Share(a.name("v1"), 1, (at("v1-1"),)),), a.name("canary"))
    )
    assert list(values(said, "smi")) == [{"service": "shop/v1", "split": "shop/canary"}]
