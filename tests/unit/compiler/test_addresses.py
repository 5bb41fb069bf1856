"""Services without selector: whose the addresses are that somebody lists behind them."""

from collections.abc import Iterable

import pytest

from smi import scheme
from smi.compiler.addresses import canonical
from smi.compiler.compile import Compilation, Compiler
from smi.compiler.state import MODE_ANNOTATION, Entry, collect, entries
from smi.k8s.resource import NamespacedName, Resource
from smi.model.service import Endpoint, ServicePort
from tests import builders as a
from tests.objects import (
    Fields,
    addresses,
    an,
    at,
    compiled,
    pod,
    port,
    ports,
    reasons,
    rule,
    service,
    target,
)

DB = service("db", port(5432), selector={})


def behind(result: Compilation, of: str = "db") -> ServicePort:
    """The first port of a Service."""
    return result.mesh.services[a.name(of)].ports[0]


def dialled(result: Compilation, of: str = "db") -> list[str]:
    """The addresses behind the first port of a Service."""
    return [f"{e.address}:{e.port}" for e in behind(result, of).endpoints]


def endpoints(name: str, *subsets: Fields, **metadata: object) -> Resource:
    """Endpoints in the older way to write them down."""
    document = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "subsets": list(subsets),
    }
    found = scheme.decode(document)
    assert found is not None
    return found


def test_addresses_outside_the_mesh_are_reached_in_plain() -> None:
    result = compiled(DB, addresses("db-1", "db", at("192.0.2.1"), port={"port": 6432}))
    assert behind(result).endpoints == (
        Endpoint(None, None, "192.0.2.1", 6432, 6432, meshed=False),
    )
    assert behind(result).unmeshed
    assert behind(result).identities == frozenset()
    assert reasons(result) == []


def test_everybody_may_name_a_service_of_addresses_outside_the_mesh() -> None:
    result = compiled(
        DB, addresses("db-1", "db", at("192.0.2.1"), port={"port": 1}), pod("front-0", "front")
    )
    routes = result.mesh.outbound[a.identity("front")].routes
    assert [route.root for route in routes] == [a.name("db")]


@pytest.mark.parametrize(("mode", "known"), [("permissive", [a.name("db")]), ("strict", [])])
def test_everybody_may_name_a_service_of_another_namespaces_pods_if_they_let_everybody_in(
    mode: str, known: list[NamespacedName]
) -> None:
    result = compiled(
        DB,
        an("Namespace", "pay", annotations={MODE_ANNOTATION: mode}),
        pod("pay/db-0", "postgres", 5432, address="10.0.0.7"),
        addresses("db-1", "db", at("10.0.0.7"), port={"port": 5432}),
        pod("front-0", "front"),
    )
    assert [r.root for r in result.mesh.outbound[a.identity("front")].routes] == known


@pytest.mark.parametrize("place", ["db-0", "pay/db-0"])
def test_address_of_a_pod_is_that_pod_with_its_own_identity(place: str) -> None:
    result = compiled(
        DB,
        pod(place, "postgres", 5432, address="10.0.0.7"),
        addresses("db-1", "db", at("10.0.0.7"), port={"port": 5432}),
    )
    found = Endpoint(
        a.name(place), a.identity(place.replace("db-0", "postgres")), "10.0.0.7", 5432, 5432
    )
    assert behind(result).endpoints == (found,)
    assert behind(result).identities == {found.identity}
    assert not behind(result).unmeshed


def test_second_address_of_a_pod_is_its_own_too() -> None:
    one = pod("db-0", "db", 5432, address="10.0.0.7")
    status = {"podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}, {"ip": "2001:db8:0::7"}]}
    dual = type(one).model_validate({**one.model_dump(by_alias=True), "status": status})
    listed = addresses("db-1", "db", at("2001:DB8::7"), port={"port": 5432}, kind="IPv6")
    (found,) = behind(compiled(DB, dual, listed)).endpoints
    assert (found.pod, found.address) == (a.name("db-0"), "2001:db8::7")


def test_pod_without_a_sidecar_is_reached_in_plain_and_counts_as_itself() -> None:
    old = pod("db-0", "db", 5432, address="10.0.0.7", inject="disabled")
    (found,) = behind(
        compiled(DB, old, addresses("x", "db", at("10.0.0.7"), port={"port": 5432}))
    ).endpoints
    assert (found.pod, found.meshed) == (a.name("db-0"), False)


def test_of_pods_that_share_an_address_the_one_with_the_port_is_meant() -> None:
    result = compiled(
        DB,
        pod("a", "a", 80, address="10.0.0.7"),
        pod("b", "b", 5432, address="10.0.0.7"),
        pod("c", "c", 5432, address="10.0.0.7", phase="Failed"),
        addresses("x", "db", at("10.0.0.7"), port={"port": 5432}),
    )
    assert [e.pod for e in behind(result).endpoints] == [a.name("b")]


def test_client_of_a_pod_may_name_the_service_that_lists_its_address() -> None:
    result = compiled(
        DB,
        pod("pay/db-0", "db", 5432, address="10.0.0.7"),
        pod("front-0", "front"),
        pod("intruder-0", "intruder"),
        addresses("x", "db", at("10.0.0.7"), port={"port": 5432}),
        ports("TCPRoute", "pay/all"),
        target("pay/t", "db", ["shop/front"], rule("TCPRoute", "all")),
    )
    outbound = result.mesh.outbound
    assert [route.root for route in outbound[a.identity("front")].routes] == [a.name("db")]
    assert outbound[a.identity("intruder")].routes == ()


def test_slice_moves_no_port_of_a_policy() -> None:
    """Who lists an address must not decide what a TrafficTarget of its pod means by a number."""
    result = compiled(
        service("db", port(80, 9090), selector={}),
        pod("pay/db-0", "db", 9090, address="10.0.0.7"),
        addresses("x", "db", at("10.0.0.7"), port={"port": 9090}),
        ports("TCPRoute", "pay/eighty", 80),
        target("pay/t", "db", ["shop/front"], rule("TCPRoute", "eighty")),
    )
    (granted,) = result.mesh.inbound[a.group("pay/db")].rules
    assert granted.ports == frozenset({80})


def test_slices_of_a_service_with_a_selector_mean_nothing() -> None:
    result = compiled(
        service("web", port(80)),
        pod("web-0", "web", address="10.0.0.7"),
        addresses("web-1", "web", at("192.0.2.1"), port={"port": 80}),
        endpoints("web", {"addresses": [{"ip": "192.0.2.2"}], "ports": [{"port": 80}]}),
    )
    assert dialled(result, "web") == ["10.0.0.7:80"]
    assert not behind(result, "web").unmeshed


def test_slice_of_another_namespace_is_of_no_service_here() -> None:
    listed = addresses("pay/x", "db", at("192.0.2.1"), port={"port": 1})
    assert dialled(compiled(DB, listed)) == []


def test_slices_and_endpoints_of_a_service_are_taken_together_and_once() -> None:
    result = compiled(
        DB,
        addresses("x", "db", at("192.0.2.1"), at("192.0.2.2"), port={"port": 1}),
        addresses("y", "db", at("2001:db8::1"), port={"port": 1}, kind="IPv6"),
        endpoints("db", {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 1}]}),
    )
    assert dialled(result) == ["192.0.2.1:1", "192.0.2.2:1", "2001:db8::1:1"]


def test_endpoints_have_ready_and_other_addresses() -> None:
    subset = {
        "addresses": [{"ip": "192.0.2.1"}],
        "notReadyAddresses": [{"ip": "192.0.2.2"}],
        "ports": [{"port": 1}, {"port": 2, "name": "other"}],
    }
    assert dialled(compiled(DB, endpoints("db", subset))) == ["192.0.2.1:1"]
    skipped = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    assert dialled(compiled(DB, endpoints("db", subset, labels=skipped))) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([at("192.0.2.1")], [1]),
        ([at("192.0.2.1", ready=False)], []),
        ([at("192.0.2.1", ready=True, serving=False)], [1]),
        ([at("192.0.2.1", ready=False, serving=True)], []),
        ([at("192.0.2.1", ready=False, serving=True, terminating=True)], [1]),
        ([at("192.0.2.1", ready=False, terminating=True)], []),
        ([at("192.0.2.1", ready=False, serving=True, terminating=True), at("192.0.2.2")], [2]),
        ([at("192.0.2.1", ready=False, serving=False, terminating=True)], []),
        ([{"addresses": []}], []),
        # All addresses of an endpoint are the same one; clients take the first.
        ([at("192.0.2.3", "192.0.2.4")], [3]),
    ],
)
def test_conditions_say_who_takes_traffic(found: Iterable[Fields], expected: list[int]) -> None:
    result = compiled(DB, addresses("x", "db", *found, port={"port": 1}))
    assert dialled(result) == [f"192.0.2.{number}:1" for number in expected]


def test_ports_go_by_their_names_and_protocols() -> None:
    written = [
        port(80, name="http"),
        port(443, name="https"),
        port(53, name="dns", protocol="UDP"),
        port(54, name="dns-tcp"),
    ]
    found = compiled(
        service("db", *written, selector={}),
        addresses("x", "db", at("192.0.2.1"), port={"name": "http", "port": 8080}),
        addresses("y", "db", at("192.0.2.1"), port={"name": "dns", "port": 5, "protocol": "UDP"}),
        addresses("z", "db", at("192.0.2.1"), port={"name": "https"}),  # any port is none
    )
    there = {
        p.number: [e.port for e in p.endpoints] for p in found.mesh.services[a.name("db")].ports
    }
    assert there == {80: [8080], 443: [], 53: [5], 54: []}


def test_service_of_an_external_name_has_no_addresses() -> None:
    external = an("Service", "db", {"type": "ExternalName", "ports": [port(80)]})
    listed = addresses("x", "db", at("192.0.2.1"), port={"port": 80})
    assert dialled(compiled(external, listed)) == []


def test_what_is_no_address_is_left_out_and_said() -> None:
    result = compiled(
        DB,
        addresses("x", "db", at("db.example.org"), at("192.0.2.1"), port={"port": 1}),
        endpoints("db", {"addresses": [{"ip": "169.254.169.254"}], "ports": [{"port": 1}]}),
    )
    assert dialled(result) == ["192.0.2.1:1"]
    assert reasons(result) == [
        ("error", "EndpointSlice shop/x", "endpoints[0].addresses[0]", "NoAddress"),
        ("error", "Endpoints shop/db", "subsets[0].addresses[0].ip", "NoAddress"),
    ]


def test_slice_of_host_names_is_left_out_and_said() -> None:
    names = addresses("x", "db", at("db.example.org"), port={"port": 1}, kind="FQDN")
    result = compiled(DB, names)
    assert dialled(result) == []
    assert reasons(result) == [
        ("warning", "EndpointSlice shop/x", "addressType", "NamesNotDialled")
    ]


def test_slice_of_no_service_is_said_and_one_that_means_nothing_is_not() -> None:
    nameless = addresses("x", "", at("192.0.2.1"), port={"port": 1})
    bad = addresses("y", "web", at("nonsense"), port={"port": 1})
    assert reasons(compiled(service("web", port(80)), nameless, bad)) == [
        ("warning", "EndpointSlice shop/x", "metadata.labels", "ServiceNotNamed")
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("010.0.0.1", None),
        ("0.0.0.0", None),
        ("::", None),
        ("fe80::1", None),
        ("2001:db8::1%eth0", None),
        ("224.0.0.1", None),
        ("255.255.255.255", None),
        ("example.org", None),
        ("", None),
    ],
)
def test_an_address_has_one_form(written: str, expected: str | None) -> None:
    assert canonical(written) == expected


def test_lists_are_found_by_service_and_by_address() -> None:
    listed = addresses("x", "db", at("192.0.2.1"), port={"port": 1})
    assert set(entries(listed)) == {
        Entry(("slices of service", "shop", "db"), "x"),
        Entry(("lists of address", "192.0.2.1"), "EndpointSlice/shop/x"),
    }
    older = endpoints("db", {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 1}]})
    assert set(entries(older)) == {Entry(("lists of address", "192.0.2.1"), "Endpoints/shop/db")}
    assert set(entries(addresses("x", "", at("192.0.2.1"), port={"port": 1}))) == set()


def test_slice_of_a_service_with_a_selector_makes_nobody_know_it() -> None:
    result = compiled(
        service("web", port(80)),
        pod("pay/db-0", "db", 5432, address="10.0.0.7"),
        pod("front-0", "front"),
        addresses("x", "web", at("10.0.0.7"), port={"port": 5432}),
        ports("TCPRoute", "pay/all"),
        target("pay/t", "db", ["shop/front"], rule("TCPRoute", "all")),
    )
    assert result.mesh.outbound[a.identity("front")].routes == ()


def test_change_of_a_slice_touches_its_service_alone() -> None:
    rest = [
        DB,
        service("web", port(80)),
        pod("web-0", "web"),
        pod("front-0", "front"),
        addresses("y", "other", at("192.0.2.9"), port={"port": 1}),
        service("other", port(80), selector={}),
    ]
    compiler = Compiler()
    before, after = (
        compiler.update(
            collect([*rest, addresses("x", "db", at(f"192.0.2.{n}"), port={"port": 1})])
        ).mesh
        for n in (1, 2)
    )
    assert before.services[a.name("db")] != after.services[a.name("db")]
    assert before.services[a.name("web")] is after.services[a.name("web")]
    assert before.services[a.name("other")] is after.services[a.name("other")]
    for table in ("workloads", "routes", "inbound", "outbound"):
        assert getattr(before, table) is getattr(after, table)


def test_lists_that_are_gone_leave_nothing_behind() -> None:
    subset = {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 1}]}
    bad = addresses("x", "db", at("nonsense"), port={"port": 1})
    compiler = Compiler()
    compiler.update(collect([DB, bad, endpoints("db", subset)]))
    result = compiler.update(collect([DB]))
    assert dialled(result) == []
    assert reasons(result) == []
