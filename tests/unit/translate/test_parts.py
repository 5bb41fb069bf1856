from dataclasses import replace
from fractions import Fraction

import pytest

from smi.model.outbound import Excluded, Split, WeightedService
from smi.model.service import AppProtocol
from smi.model.workload import Detour
from smi_envoy.translate.parts import Entry, Table, World, pods_by_identity
from smi_envoy.translate.server_parts import PodPort
from smi_envoy.translate.upstream_parts import HttpUpstream, PodUpstream, TcpUpstream
from smi_envoy.xds.resources import NOBODY
from tests import builders as a
from tests.xds_json import as_json, parts, values


def test_pod_without_loopback_has_no_doors() -> None:
    pod = replace(a.workload("web-0", "web"), loopback=None)
    with pytest.raises(ValueError, match="shop/web-0"):
        PodPort(pod.name, 80).build(World(a.mesh([pod]), "PEM", {}))


def world(*splits: Split) -> World:
    """`db` in front of one pod each of two versions, by `splits`."""
    pods = [
        a.workload(f"v{v}", f"v{v}", address=f"127.0.9.{v}", detours={5432: Detour(25432, 4000)})
        for v in (1, 2)
    ]
    services = [
        a.service("db", 5432, pods),
        a.service("db-v1", 5432, pods[:1]),
        a.service("db-v2", 5432, pods[1:]),
    ]
    routes = [a.route("db", 5432, *splits, speaks=AppProtocol.TCP)]
    return World(a.mesh(pods, services, routes), "PEM", {})


@pytest.mark.parametrize("speaks", [AppProtocol.HTTP, AppProtocol.TCP])
def test_pod_that_is_called_by_its_name_is_exactly_that_pod(speaks: AppProtocol) -> None:
    part = PodUpstream(a.name("v1"), 5432, speaks)
    cluster, endpoints, secret = map(as_json, part.build(world()))
    assert cluster["name"] == endpoints["cluster_name"] == f"pod/shop/v1:5432|{speaks}"
    (address,) = values(endpoints, "socket_address")
    assert address == {"address": "127.0.9.1", "port_value": 25432}
    (subject,) = secret["validation_context"]["match_typed_subject_alt_names"]
    assert subject == {"san_type": "DNS", "matcher": {"exact": "uid-v1"}}


@pytest.mark.parametrize(("pod", "port"), [("gone", 5432), ("v1", 1)])
def test_pod_that_is_gone_and_a_port_that_nothing_leads_to_are_nobody(pod: str, port: int) -> None:
    part = PodUpstream(a.name(pod), port, AppProtocol.HTTP)
    _, endpoints, secret = map(as_json, part.build(world()))
    assert "endpoints" not in endpoints
    assert (list(values(secret, "exact")) == [NOBODY]) is (pod == "gone")


DB = TcpUpstream(a.name("db"), 5432)


def weights(at: World) -> dict[str, Fraction]:
    """The part of all connections that each address gets."""
    _, endpoints, _ = map(as_json, DB.build(at))
    return parts(endpoints)


def test_connections_follow_the_first_split_that_needs_no_request() -> None:
    by_request = a.split("first", {"db-v2": 1}, [a.match("/x")])
    assert weights(world(by_request, a.split("second", {"db-v1": 1}))) == {"127.0.9.1": 1}
    assert set(weights(world(by_request))) == {"127.0.9.1", "127.0.9.2"}
    assert weights(world(a.split("none", {}))) == {}


@pytest.mark.parametrize(
    "split",
    [
        Split(a.name("s"), None, (WeightedService(a.name("db-v1"), 1),)),
        Split(a.name("s"), None, (), idle=(a.name("db-v1"),)),
        Split(a.name("s"), None, (), (Excluded(a.name("db-v1"), "NoReadyEndpoints"),)),
    ],
)
def test_server_may_be_any_that_weights_may_move_to(split: Split) -> None:
    found = world(split)
    services = {**found.mesh.services, a.name("db"): a.service("db", 5432, [])}
    without_pods = found._replace(mesh=replace(found.mesh, services=services))
    _, _, secret = map(as_json, DB.build(without_pods))
    assert list(values(secret, "exact")) == [a.spiffe("v1")]
    _, _, secret = map(as_json, DB.build(world(split)))
    assert list(values(secret, "exact")) == [a.spiffe("v1"), a.spiffe("v2")]
    assert Entry(Table.SERVICES, a.name("db-v1")) in DB.reads(found.mesh)


def test_server_of_a_service_is_one_of_its_identities() -> None:
    *_, secret = map(as_json, HttpUpstream(a.name("db-v1"), 5432).build(world()))
    assert list(values(secret, "exact")) == [a.spiffe("v1")]
    *_, secret = map(as_json, HttpUpstream(a.name("gone"), 5432).build(world()))
    assert list(values(secret, "exact")) == ["spiffe://nobody.invalid/"]


def test_connections_to_applications_end_before_they_would_end_them() -> None:
    """A pod without a sidecar that comes and goes changes the cluster of HTTP, and not of bytes."""
    meshed = world()
    (pod, *others) = meshed.mesh.services[a.name("db")].ports[0].endpoints
    old = pod._replace(meshed=False)
    port = replace(
        meshed.mesh.services[a.name("db")].ports[0], endpoints=(old, *others), unmeshed=True
    )
    service = replace(meshed.mesh.services[a.name("db")], ports=(port,))
    services = {**meshed.mesh.services, service.name: service}
    half = meshed._replace(mesh=replace(meshed.mesh, services=services))
    http = HttpUpstream(a.name("db"), 5432)
    built = [as_json(http.build(at)[0]) for at in (meshed, half)]
    assert [list(values(cluster, "idle_timeout")) for cluster in built] == [["0s"], ["0.100s"]]
    assert DB.build(meshed)[0] == DB.build(half)[0]
    assert DB.build(meshed)[1] != DB.build(half)[1]


def test_port_admits_over_tcp_the_pods_that_its_rules_name_and_else_nobody() -> None:
    web, front = (
        a.workload("web-0", "web", detours={8080: Detour(28080, 40000)}),
        a.workload("front-0", "front"),
    )
    rules = [a.rule("account", "front"), a.rule("pods", pods=["uid-1"])]
    for granted, uids in ((rules, {front.uid, "uid-1"}), ([], set())):
        mesh = a.mesh([web, front], inbounds=[a.inbound(web.group, *granted)])
        (door,) = PodPort(web.name, 8080).build(World(mesh, "PEM", pods_by_identity(mesh)))
        names = {*values(as_json(door), "exact")} - {NOBODY}
        assert names == uids


def test_binding_of_a_pod_changes_what_its_door_admits_and_not_the_door() -> None:
    web = a.workload("web-0", "web", detours={8080: Detour(28080, 40000)})
    said = []
    for pod in (web, replace(web, group=a.group("web", "blue"))):
        mesh = a.mesh([pod], inbounds=[a.inbound(pod.group)])
        said.append(PodPort(pod.name, 8080).build(World(mesh, "PEM", pods_by_identity(mesh))))
    assert said[0] == said[1]


def test_connections_depend_on_every_service_that_they_may_reach() -> None:
    at = world(a.split("canary", {"db-v1": 1}))
    assert DB.reads(at.mesh) == {
        ("routes", a.name("db")),
        ("services", a.name("db")),
        ("services", a.name("db-v1")),
    }
