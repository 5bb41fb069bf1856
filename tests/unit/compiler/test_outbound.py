"""What each client may name."""

from collections.abc import Iterable

import pytest

from smi.compiler import names
from smi.compiler import outbound as rules
from smi.compiler.compile import Compiler, compile  # noqa: A004 - the field's word for it
from smi.compiler.state import collect
from smi.k8s.resource import NamespacedName, Resource
from smi.model.identity import ServiceIdentity
from smi.model.outbound import Alias, ExternalService, NamedPod, Outbound
from smi.model.service import WEB_PORTS
from smi.model.workload import Detour, Loopback
from tests.objects import (
    Fields,
    account,
    an,
    binding,
    compiled,
    pod,
    port,
    ports,
    reasons,
    rule,
    service,
    split,
    target,
)

POD = pod("web-0", "web", 8080)


def name(text: str) -> NamespacedName:
    return NamespacedName("shop", text)


def web(text: str, *numbers: int) -> Resource:
    """A Service in front of the pod."""
    return service(text, *(port(n, 8080) for n in numbers or (80,)), selector={"app": "web"})


ROOT, V1 = web("root"), web("v1")


def outbound(*objects: Resource, client: str = "front") -> list[tuple[str, int]]:
    """The roots and ports that a client may name."""
    mesh = compiled(POD, pod("front-0", "front", labels={"tier": "blue"}), *objects).mesh
    found = mesh.outbound[ServiceIdentity("shop", client)].routes
    return [(route.root.name, route.port) for route in found]


OPEN = (ports("TCPRoute", "all"), target("t", "web", ["front"], rule("TCPRoute", "all")))


def test_client_may_name_the_services_before_pods_that_a_target_opens() -> None:
    objects = (ROOT, V1, service("other", port(80)), *OPEN)
    assert outbound(*objects) == [("root", 80), ("v1", 80)]
    assert outbound(*objects, client="web") == []


def test_client_may_name_the_root_of_a_split_whose_backend_it_may_call() -> None:
    empty = service("empty", port(80), selector={})
    objects = (empty, V1, split("s", "empty", [("v1", 1)]), *OPEN)
    assert outbound(*objects) == [("empty", 80), ("v1", 80)]


def test_target_that_cannot_be_meant_lets_nobody_name_anything() -> None:
    broken = target("t", account("pay/web"), ["front"], rule("TCPRoute", "all"))
    assert outbound(ROOT, ports("TCPRoute", "all"), broken) == []


@pytest.mark.parametrize(
    "schemes",
    [
        {"serviceAccount": "front"},
        {"spiffeIdentities": ["cluster.local/ns/shop/sa/front"]},
        {"labels": {"tier": "blue"}},
    ],
)
@pytest.mark.parametrize("end", ["source", "destination"])
def test_client_may_name_what_a_binding_says(schemes: Fields, end: str) -> None:
    front = pod("front-0", "front", labels={"tier": "blue"})
    bound = account("ids", "IdentityBinding")
    source, destination = (bound, "web") if end == "source" else ("front", bound)
    objects = (
        POD,
        front,
        ROOT,
        service("front", port(80)),
        ports("TCPRoute", "all"),
        binding("ids", **schemes),
        target("t", destination, [source], rule("TCPRoute", "all")),
    )
    mesh = compiled(*objects).mesh
    found = [route.root.name for route in mesh.outbound[ServiceIdentity("shop", "front")].routes]
    assert found == (["root"] if end == "source" else ["front"])


def test_root_that_is_gone_is_no_route() -> None:
    assert outbound(V1, split("s", "gone", [("v1", 1)]), *OPEN) == [("v1", 80)]
    assert name("gone") not in compiled(split("s", "gone", [("v1", 1)])).mesh.routes


def test_objects_that_mean_nothing_here_are_let_be() -> None:
    assert outbound(an("Namespace", "shop"), an("ServiceAccount", "front"), ROOT, *OPEN) == [
        ("root", 80)
    ]


def known(*objects: Resource, client: str = "front") -> Outbound:
    """What a client may name."""
    mesh = compiled(pod("front-0", "front"), *objects).mesh
    return mesh.outbound[ServiceIdentity("shop", client)]


def headless(text: str, *written: Fields, **fields: object) -> Resource:
    """A headless Service in front of `web`'s pods."""
    spec = {"clusterIP": "None", "selector": {"app": "web"}, "ports": list(written), **fields}
    return an("Service", text, spec)


def member(text: str, hostname: str = "", subdomain: str = "db", **fields: object) -> Resource:
    """A pod of `web` with a hostname."""
    found = pod(text, "web", 5432, **fields)  # type: ignore[arg-type]
    spec = found.spec.model_copy(update={"hostname": hostname, "subdomain": subdomain})  # type: ignore[attr-defined]
    return found.model_copy(update={"spec": spec})


def test_pods_of_a_headless_service_may_be_named_one_by_one() -> None:
    objects = (headless("db", port(80, 5433)), member("db-1", "one"), member("db-0"), *OPEN)
    assert known(*objects).pods == (
        NamedPod(name("db"), name("db-0"), "", "10.0.0.1", (5432, 5433), ready=True),
        NamedPod(name("db"), name("db-1"), "one", "10.0.0.1", (5432, 5433), ready=True),
    )
    assert known(*objects).subdomains == {"db"}
    assert known(*objects, client="web").pods == ()
    assert known(*objects, client="web").subdomains == {"db"}


def test_pod_on_a_loopback_has_the_ports_that_its_sidecar_opens() -> None:
    objects = [headless("db", port(80, 5433)), member("db-0", "db-0"), pod("front-0", "front")]
    loopback = Loopback({5432: Detour(5432, 20000)}, 15001, {})
    mesh = compile(collect([*objects, *OPEN], {name("db-0"): loopback})).mesh
    (found,) = mesh.outbound[ServiceIdentity("shop", "front")].pods
    assert found.ports == (5432,)


def test_pod_without_a_sidecar_may_be_named_at_ports_that_its_headless_service_has_not() -> None:
    bare = member("db-0", "db-0")
    annotations = {"smi-mesh.io/inject": "disabled"}
    bare = bare.model_copy(
        update={"metadata": bare.metadata.model_copy(update={"annotations": annotations})}
    )
    (found,) = known(headless("db", port(80, "gone")), bare).pods
    assert (found.hostname, found.ports) == ("db-0", (5432,))
    assert known(headless("db", port(80, "gone")), member("db-0", "db-0")).pods == ()


def test_target_that_opens_nobody_makes_no_pod_known() -> None:
    broken = target("b", account("pay/web"), ["front"], rule("TCPRoute", "all"))
    service = headless("db", port(80))
    found = known(service, member("db-0", "db-0"), broken, *OPEN)
    assert [p.pod.name for p in found.pods] == ["db-0"]


def test_hostname_is_a_name_below_its_subdomain_only() -> None:
    (found,) = known(headless("db", port(80)), member("x", "x", "other"), *OPEN).pods
    assert found.hostname == ""


def test_pod_of_a_stateful_set_has_its_name_below_the_governing_service() -> None:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"serviceAccountName": "web", "containers": [{"name": "c"}]},
    }
    written = {"replicas": 2, "serviceName": "db", "template": template}
    pods = known(an("StatefulSet", "db", written), headless("db", port(80)), *OPEN).pods
    assert [(p.pod.name, p.hostname) for p in pods] == [("db-0", "db-0"), ("db-1", "db-1")]


@pytest.mark.parametrize(
    ("publish", "ready", "found"), [(False, "False", False), (True, "False", True)]
)
def test_pod_that_is_not_ready_is_known_as_such(publish: bool, ready: str, found: bool) -> None:
    service = headless("db", port(80), publishNotReadyAddresses=publish)
    (one,) = known(service, member("db-0", "db-0", ready=ready), *OPEN).pods
    assert one.ready is found


def test_pod_without_an_address_and_one_that_has_ended_have_no_name() -> None:
    pods = [member("a", "a", address=""), member("b", "b", phase="Failed"), member("c", "c")]
    assert [p.pod.name for p in known(headless("db", port(80)), *pods, *OPEN).pods] == ["c"]


def test_of_the_pods_of_a_headless_service_only_those_that_a_target_opens_are_known() -> None:
    other = pod("other-0", "other", labels={"app": "web"})
    found = known(headless("db", port(80)), member("db-0", "db-0"), other, *OPEN).pods
    assert [p.pod.name for p in found] == ["db-0"]


def test_pods_of_open_namespaces_are_everybodys_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    permissive = an("Namespace", "shop", annotations={"smi-mesh.io/mode": "permissive"})
    objects = (headless("db", port(80)), member("a"), member("b"), permissive)
    assert [p.pod.name for p in known(*objects).pods] == ["a", "b"]
    monkeypatch.setattr(rules, "MOST_OPEN_PODS", 1)
    assert [p.pod.name for p in known(*objects).pods] == ["a"]


def external(text: str, host: str, written: Iterable[Fields] = ()) -> Resource:
    return an("Service", text, {"type": "ExternalName", "externalName": host, "ports": [*written]})


def test_external_name_is_known_to_everybody_at_its_ports() -> None:
    found = known(external("a", "example.org"), external("b", "10.9.9.9", [port(8080)]))
    assert found.external == (
        ExternalService(name("a"), "example.org", WEB_PORTS),
        ExternalService(name("b"), "10.9.9.9", (8080,)),
    )
    assert found.routes == ()


def test_external_name_of_a_service_is_its_alias_for_those_who_may_name_it() -> None:
    objects = (
        POD,
        ROOT,
        *OPEN,
        external("a", "root.shop.svc.cluster.local"),
        external("b", "A.shop.svc"),
        external("gone", "nothing.shop.svc.cluster.local"),
        external("c", "d.shop.svc"),
        external("d", "c.shop.svc"),
        external("empty", ""),
    )
    assert known(*objects).aliases == (
        Alias(name("a"), name("root")),
        Alias(name("b"), name("root")),
    )
    assert known(*objects).external == ()
    assert known(ROOT, POD, external("a", "root.shop.svc")).aliases == ()


def test_external_names_that_everybody_knows_have_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(names, "MOST_EXTERNAL_NAMES", 1)
    found = known(external("b", "b.example"), external("a", "a.example"))
    assert [e.service.name for e in found.external] == ["a"]


def test_split_divides_nothing_among_external_names() -> None:
    objects = (POD, ROOT, V1, external("ext", "example.org"))
    as_root = compiled(*objects, split("s", "ext", [("v1", 1)]))
    assert reasons(as_root) == [("error", "TrafficSplit shop/s", "spec.service", "RootIsExternal")]
    assert as_root.mesh.routes[name("ext")] == ()
    as_backend = compiled(*objects, split("s", "root", [("v1", 1), ("ext", 1)]))
    assert reasons(as_backend) == [
        ("warning", "TrafficSplit shop/s", "spec.backends[1].service", "BackendIsExternal")
    ]
    (route,) = as_backend.mesh.routes[name("root")]
    (found,) = route.splits
    assert [d.service.name for d in found.destinations] == ["v1"]
    assert found.excluded == ((name("ext"), "ExternalName"),)


def test_selector_of_an_external_name_selects_nothing() -> None:
    spec = {"type": "ExternalName", "externalName": "x.example", "selector": {"app": "web"}}
    mesh = compiled(POD, an("Service", "ext", {**spec, "ports": [port(80, 8080)]}), *OPEN).mesh
    assert mesh.services[name("ext")].external_name == "x.example"
    assert mesh.services[name("ext")].ports[0].endpoints == ()


def test_namespaces_of_the_mesh_are_those_with_a_service() -> None:
    mesh = compiled(ROOT, service("other/x", port(80)), pod("third/p", "p")).mesh
    assert mesh.namespaces == {"shop", "other"}


def test_from_a_change_is_as_from_scratch() -> None:
    """Whatever names come, go, or stand for something else."""
    before = (POD, ROOT, pod("front-0", "front"), *OPEN)
    steps = [
        (external("a", "root.shop.svc"), external("b", "x.example")),
        (external("a", "b.shop.svc"), external("b", "y.example", [port(81)])),
        (external("a", "b.shop.svc"), headless("b", port(80)), member("db-0", "db-0", "b")),
        (headless("a", port(80)), member("db-0", "db-0", "a", ready="False")),
        (service("a", port(80)),),
        (),
    ]
    compiler = Compiler()
    for step in (*steps, *reversed(steps)):
        state = collect([*before, *step])
        assert compiler.update(state) == compile(state)
