from smi.model.service import Endpoint
from smi.model.workload import Detour
from smi_envoy.translate import endpoints
from smi_envoy.translate.endpoints import SCALE, Share
from tests import builders as a
from tests.xds_json import as_json, values


def at(pod: str, port: int = 28080) -> Endpoint:
    """An endpoint of `web` called after its pod."""
    return Endpoint(a.name(pod), a.identity("web"), f"127.0.0.{pod[-1]}", port, 8080)


def weights(*shares: Share) -> dict[str, int]:
    """The weight of each address."""
    said = as_json(endpoints.of_shares("c", shares, None))
    return {
        host["endpoint"]["address"]["socket_address"]["address"]: host["load_balancing_weight"]
        for locality in said.get("endpoints", [])
        for host in locality["lb_endpoints"]
    }


def test_endpoints_of_a_port_are_where_peers_dial() -> None:
    pod = a.workload("web-0", "web", address="127.9.9.1", detours={8080: Detour(28080, 40000)})
    port = a.service("web", 80, [pod], target=8080).port(80)
    said = as_json(endpoints.of_port("shop/web:80|http", port))
    assert said["cluster_name"] == "shop/web:80|http"
    assert list(values(said, "socket_address")) == [{"address": "127.9.9.1", "port_value": 28080}]


def test_no_port_and_no_pods_are_no_endpoints() -> None:
    assert as_json(endpoints.of_port("c", None)) == {"cluster_name": "c"}
    assert as_json(endpoints.of_port("c", a.service("web", 80, []).port(80))) == {
        "cluster_name": "c"
    }


def test_pods_have_the_share_of_their_service_between_them() -> None:
    found = weights(
        Share(a.name("v1"), 90, (at("v1-1"), at("v1-2"))), Share(a.name("v2"), 10, (at("v2-3"),))
    )
    assert found == {
        "127.0.0.1": 0.45 * SCALE,
        "127.0.0.2": 0.45 * SCALE,
        "127.0.0.3": 0.1 * SCALE,
    }


def test_service_without_pods_has_no_share() -> None:
    assert weights(Share(a.name("v1"), 90, ()), Share(a.name("v2"), 10, (at("v2-3"),))) == {
        "127.0.0.3": SCALE
    }
    assert weights(Share(a.name("v1"), 90, ())) == {}


def test_pod_behind_two_services_has_both_shares() -> None:
    both, one = at("v1-1"), at("v2-2")
    assert weights(Share(a.name("all"), 1, (both, one)), Share(a.name("v2"), 1, (one,))) == {
        "127.0.0.1": 0.25 * SCALE,
        "127.0.0.2": 0.75 * SCALE,
    }


def test_smallest_share_is_not_none() -> None:
    found = weights(
        Share(a.name("v1"), 10**9, (at("v1-1"),)), Share(a.name("v2"), 1, (at("v2-2"),))
    )
    assert found["127.0.0.2"] == 1


def test_endpoint_says_its_service_and_split() -> None:
    said = as_json(
        endpoints.of_shares("c", (Share(a.name("v1"), 1, (at("v1-1"),)),), a.name("canary"))
    )
    assert list(values(said, "smi")) == [{"service": "shop/v1", "split": "shop/canary"}]
