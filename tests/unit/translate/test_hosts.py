import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from smi.model.outbound import Alias, ExternalService, NamedPod, Outbound, Route
from smi_envoy.bootstrap import LARGEST_REGEX
from smi_envoy.translate import hosts
from tests import builders as a
from tests.xds_json import as_json, values

FRONT = a.identity("front")
WEB = a.route("web", 80)


def pod(
    text: str, hostname: str = "", service: str = "db", *ports: int, ready: bool = True
) -> NamedPod:
    """A pod of a headless Service at 127.7.7.1."""
    return NamedPod(a.name(service), a.name(text), hostname, "127.7.7.1", ports or (5432,), ready)


def client(
    *routes: Route, of: str = "front", known: Outbound | None = None
) -> dict[str, dict[str, Any]]:
    """The virtual hosts of a client's HTTP proxy by name."""
    return said(replace(known or Outbound(a.identity(of), ()), routes=routes))


def said(outbound: Outbound, *namespaces: str) -> dict[str, dict[str, Any]]:
    config = as_json(hosts.of_client(outbound.identity, outbound, {"shop", *namespaces}))
    return {host["name"]: host for host in config["virtual_hosts"]}


def answer(host: str, known: dict[str, dict[str, Any]], *, tunnel: bool = False) -> dict[str, Any]:
    """The route that a host gets which is no domain."""
    (found, *_) = answers(host, known["rest"]["routes"], tunnel=tunnel)
    return found


def answers(host: str, rest: list[dict[str, Any]], *, tunnel: bool) -> Iterator[dict[str, Any]]:
    for route in rest:
        fits = all(re.fullmatch(regex, host) for regex in values(route["match"], "regex"))
        if fits and ("connect_matcher" in route["match"]) is tunnel:
            yield route


def test_hosts_of_a_client_in_the_same_namespace() -> None:
    full = "web.shop.svc.cluster.local"
    assert set(client(WEB)["shop/web:80"]["domains"]) == {
        f"{host}{port}"
        for host in ("web", "web.shop", "web.shop.svc", full, f"{full}.")
        for port in ("", ":80")
    }


def test_bare_name_means_nothing_in_another_namespace() -> None:
    domains = client(WEB, of="other/front")["shop/web:80"]["domains"]
    assert "web" not in domains
    assert "web.shop" in domains


def test_other_ports_are_named_by_their_number_only() -> None:
    domains = client(a.route("web", 8080))["shop/web:8080"]["domains"]
    assert all(domain.endswith(":8080") for domain in domains)


def test_pod_has_a_name_below_its_service_and_an_address() -> None:
    found = client(known=Outbound(FRONT, (), pods=(pod("db-0", "db-0"),)))["shop/db|shop/db-0:5432"]
    names = ["db-0.db", "db-0.db.shop", "db-0.db.shop.svc", "db-0.db.shop.svc.cluster.local"]
    assert set(found["domains"]) == {
        f"{host}:5432" for host in (*names, f"{names[-1]}.", "127.7.7.1")
    }
    tunnel, request = found["routes"]
    assert tunnel["route"]["cluster"] == "pod/shop/db-0:5432|tcp"
    assert request["route"]["cluster"] == "pod/shop/db-0:5432|http"
    assert request["name"] == "shop/db:5432"


def test_split_of_the_service_says_nothing_of_its_pods() -> None:
    split = a.split("s", {"other": 1})
    known = client(
        a.route("db", 5432, split), known=Outbound(FRONT, (), pods=(pod("db-0", "db-0"),))
    )
    clusters = list(values(known["shop/db|shop/db-0:5432"], "cluster"))
    assert clusters == ["pod/shop/db-0:5432|tcp", "pod/shop/db-0:5432|http"]


def test_pod_without_a_hostname_has_its_address_only() -> None:
    found = client(known=Outbound(FRONT, (), pods=(pod("db-0"),)))["shop/db|shop/db-0:5432"]
    assert found["domains"] == ["127.7.7.1:5432"]


@pytest.mark.parametrize("tunnel", [True, False])
def test_pod_that_is_not_ready_or_gone_is_unavailable(tunnel: bool) -> None:
    known = client(known=Outbound(FRONT, (), pods=(pod("db-0", "db-0", ready=False),)))
    routes = known["shop/db|shop/db-0:5432"]["routes"]
    assert [route["direct_response"]["status"] for route in routes] == [503, 503]
    assert "shop/db-0 is not ready" in routes[0]["direct_response"]["body"]["inline_string"]
    for host in ("db-1.db:5432", "db-1.db.shop", "db-1.db.shop.svc.cluster.local.:5432"):
        assert answer(host, known, tunnel=tunnel)["direct_response"]["status"] == 503


def test_of_two_meanings_of_a_host_the_first_holds() -> None:
    """Envoy would refuse the whole."""
    pods = (pod("db-0", "db-0"), pod("x", "db-0"), pod("db-0", "db-0", "other"))
    known = client(
        a.route("db/db-0", 5432),
        known=Outbound(FRONT, (), pods=pods),
    )
    domains = [domain for host in known.values() for domain in host["domains"]]
    assert len(domains) == len(set(domains))
    assert "db-0.db:5432" in known["shop/db|shop/db-0:5432"]["domains"]
    assert "shop/db|shop/x:5432" not in known


def test_alias_is_another_name_of_the_route() -> None:
    known = client(WEB, known=Outbound(FRONT, (), aliases=(Alias(a.name("w"), a.name("web")),)))
    assert {"w", "w.shop:80", "web"} <= set(known["shop/web:80"]["domains"])


def test_external_service_leads_to_its_host_at_its_ports() -> None:
    service = ExternalService(a.name("ext"), "example.org", (8443,))
    known = client(known=Outbound(FRONT, (), external=(service,)))
    found = known["shop/ext:8443"]
    assert "ext.shop:8443" in found["domains"]
    for route in found["routes"]:
        assert route["metadata"]["filter_metadata"]["smi-mesh"] == {
            "host": "example.org",
            "port": "8443",
        }
        assert {"renamed", "resolved", "no-loopback"} == set(route["typed_per_filter_config"])


@pytest.mark.parametrize("tunnel", [True, False])
@pytest.mark.parametrize(
    "host",
    [
        *("api", "api:80", "localhost", "2130706433", "api.shop", "API.Shop:8080", "a.b.shop."),
        *("x.svc", "x.y.svc:1", "x.y.svc.cluster.local.:1", "cluster.local.cluster.local", ""),
        *("user@api.shop:80", "api.shop:", "api.shop:+80", "db-0.db", "db-0.db:5432"),
    ],
)
def test_what_could_be_a_name_of_the_mesh_is_refused(host: str, tunnel: bool) -> None:
    known = client(WEB, known=Outbound(FRONT, (), subdomains=frozenset({"db"})))
    refused = answer(host, known, tunnel=tunnel)
    assert refused["name"] == "AccessDenied"
    assert refused["direct_response"]["status"] == 403
    assert "ServiceAccount shop/front" in refused["direct_response"]["body"]["inline_string"]
    assert "TrafficTarget" in refused["direct_response"]["body"]["inline_string"]


@pytest.mark.parametrize("tunnel", [True, False])
@pytest.mark.parametrize(
    "host", ["example.org", "example.org:8080", "shop.example", "10.9.9.9:1", "[::1]", "ashop.org"]
)
def test_what_is_no_name_of_the_mesh_passes_through(host: str, tunnel: bool) -> None:
    passed = answer(host, client(WEB), tunnel=tunnel)
    assert passed["name"] == "external"
    assert passed["route"]["cluster"] == "external"
    assert "retriable-headers" not in passed["route"]["retry_policy"]["retry_on"]
    assert {"resolved", "no-loopback"} == set(passed["typed_per_filter_config"])


def test_who_may_call_nothing_has_the_rest_only() -> None:
    config = as_json(hosts.of_client(FRONT, None, set()))
    assert [host["name"] for host in config["virtual_hosts"]] == ["rest"]


def test_no_regex_of_a_large_mesh_is_more_than_envoy_takes() -> None:
    many = [f"team-{number}-{'x' * 50}" for number in range(300)]
    known = said(Outbound(FRONT, ()), *many)
    regexes = list(values(known, "regex"))
    assert all(len(regex) < LARGEST_REGEX / 2 for regex in regexes)
    assert all(answer(f"web.{name}", known)["name"] == "AccessDenied" for name in many)


def test_tunnel_goes_to_the_door_before_any_split_is_asked() -> None:
    split = a.split("s", {"web-v1": 1}, [a.match("/x")])
    for route in (WEB, a.route("web", 80, split)):
        host = client(route)["shop/web:80"]
        clusters = list(values(host, "cluster"))
        assert clusters[0] == "door/shop/web:80"
    predicates = list(values(client(a.route("web", 80, split)), "header_name"))
    assert predicates == [":method"]
