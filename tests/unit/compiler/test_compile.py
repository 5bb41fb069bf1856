"""From one state to the next."""

from smi.compiler.compile import Compiler, compile  # noqa: A004 - the field's word for it
from smi.compiler.state import ClusterState, collect
from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Severity
from smi.model.identity import ServiceIdentity
from smi.model.workload import Loopback, PolicyGroup
from tests.objects import (
    an,
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

WEB, FRONT = pod("web-0", "web", 8080), pod("front-0", "front")
SERVICE = service("web", port(80, 8080))
ALL = ports("TCPRoute", "all")
OPEN = target("t", "web", ["front"], rule("TCPRoute", "all"))
GROUP = PolicyGroup(ServiceIdentity("shop", "web"))
FRONT_IDENTITY = ServiceIdentity("shop", "front")


def test_empty_state_is_an_empty_mesh() -> None:
    found = compile(ClusterState({}))
    mesh = found.mesh
    assert not any((mesh.workloads, mesh.services, mesh.routes, mesh.inbound, mesh.outbound))
    assert found.diagnostics == ()


def test_mesh_has_an_entry_for_everything_that_runs() -> None:
    mesh = compiled(WEB, FRONT, SERVICE, ALL, OPEN).mesh
    assert set(mesh.workloads) == {NamespacedName("shop", n) for n in ("web-0", "front-0")}
    assert set(mesh.services) == set(mesh.routes) == {NamespacedName("shop", "web")}
    assert set(mesh.inbound) == {GROUP, PolicyGroup(FRONT_IDENTITY)}
    assert set(mesh.outbound) == {GROUP.identity, FRONT_IDENTITY}
    assert mesh.trust_domain == "cluster.local"


def test_change_leaves_everything_else_the_same_object() -> None:
    compiler = Compiler()
    before = compiler.update(collect([WEB, FRONT, SERVICE, ALL, OPEN])).mesh
    closed = [WEB, FRONT, SERVICE, ALL]
    after = compiler.update(collect(closed)).mesh
    assert after.workloads is before.workloads
    assert after.services is before.services
    assert after.routes is before.routes
    assert after.inbound[GROUP] is not before.inbound[GROUP]
    front = PolicyGroup(FRONT_IDENTITY)
    assert after.inbound[front] is before.inbound[front]
    assert after.outbound[FRONT_IDENTITY].routes == ()
    assert before.outbound[FRONT_IDENTITY].routes != ()


def test_service_that_goes_takes_its_routes_along() -> None:
    compiler = Compiler()
    compiler.update(collect([WEB, SERVICE]))
    mesh = compiler.update(collect([WEB])).mesh
    assert not mesh.services
    assert not mesh.routes


def test_last_pod_of_a_group_takes_its_policy_along() -> None:
    compiler = Compiler()
    compiler.update(collect([WEB, pod("web-1", "web"), FRONT]))
    mesh = compiler.update(collect([pod("web-1", "web"), FRONT])).mesh
    assert GROUP in mesh.inbound
    mesh = compiler.update(collect([FRONT])).mesh
    assert GROUP not in mesh.inbound
    assert GROUP.identity not in mesh.outbound


def test_pod_that_changes_its_account_changes_its_policy() -> None:
    compiler = Compiler()
    compiler.update(collect([WEB]))
    mesh = compiler.update(collect([pod("web-0", "front")])).mesh
    assert set(mesh.inbound) == {PolicyGroup(FRONT_IDENTITY)}
    assert set(mesh.outbound) == {FRONT_IDENTITY}


def test_trust_domain_may_change() -> None:
    compiler = Compiler()
    objects = [WEB, FRONT, ALL, OPEN]
    compiler.update(collect(objects))
    mesh = compiler.update(collect(objects, trust_domain="example.org")).mesh
    assert mesh == compile(collect(objects, trust_domain="example.org")).mesh
    assert mesh.inbound[GROUP].rules[0].spiffe_ids == {"spiffe://example.org/ns/shop/sa/front"}


def test_alias_of_the_trust_domain_may_come_and_go() -> None:
    compiler = Compiler()
    objects = [WEB, FRONT, ALL, OPEN]
    compiler.update(collect(objects))
    for aliases in (["example.org"], []):
        state = collect(objects, trust_domain_aliases=aliases)
        assert compiler.update(state).mesh == compile(state).mesh


def test_loopback_may_change() -> None:
    name = NamespacedName("shop", "web-0")
    compiler = Compiler()
    compiler.update(collect([WEB]))
    loopback = Loopback({}, 15001, {})
    mesh = compiler.update(collect([WEB], {name: loopback})).mesh
    assert mesh.workloads[name].loopback is loopback
    assert compiler.update(collect([WEB])).mesh.workloads[name].loopback is None


def test_diagnostics_come_most_severe_first_and_once() -> None:
    result = compiled(
        WEB,
        pod("web-1", "web", 8080),
        SERVICE,
        service("broken", port(80, "gone"), selector={"app": "web"}),
        ports("TCPRoute", "by-service", 80),
        group("bad", {"pathRegex": "("}),
        target("a", "web", ["web"], rule("TCPRoute", "by-service")),
        split("s", "gone", []),
    )
    severities = [diagnostic.severity for diagnostic in result.diagnostics]
    assert severities == [
        Severity.ERROR,
        Severity.ERROR,
        Severity.WARNING,
        Severity.WARNING,
        Severity.WARNING,
        Severity.INFO,
    ]


def test_diagnostic_that_is_mended_is_gone() -> None:
    compiler = Compiler()
    broken = target("t", "web", ["front"], rule("TCPRoute", "gone"))
    assert compiler.update(collect([WEB, FRONT, ALL, broken])).diagnostics
    assert not compiler.update(collect([WEB, FRONT, ALL, OPEN])).diagnostics
    assert compiler.update(collect([WEB, FRONT, OPEN])).diagnostics
    assert not compiler.update(collect([WEB, FRONT])).diagnostics


def test_nothing_stays_of_objects_that_are_gone() -> None:
    compiler = Compiler()
    objects = [
        an("Namespace", "shop", annotations={"smi-mesh.io/mode": "open"}),
        WEB,
        FRONT,
        SERVICE,
        ports("TCPRoute", "all", 80),
        OPEN,
        group("g", {"pathRegex": "("}),
        binding("ids", labels={"app": "web"}, spiffeIdentities=["x"]),
        split("s", "web", [("web", 1)], {"kind": "HTTPRouteGroup", "name": "g"}),
    ]
    full = compiler.update(collect(objects))
    assert len({diagnostic.reason for diagnostic in full.diagnostics}) == 5
    for gone in range(1, len(objects) + 1):
        rest = objects[gone:]
        found, scratch = compiler.update(collect(rest)), compile(collect(rest))
        assert (found.mesh, found.diagnostics) == (scratch.mesh, scratch.diagnostics)
    assert set(compiler._memo._cells) == {("trust domains",), ("default mode",)}


def test_pod_that_goes_leaves_its_services_and_policies() -> None:
    compiler = Compiler()
    rest = [FRONT, SERVICE, ports("TCPRoute", "all", 80), OPEN]
    compiler.update(collect([WEB, pod("web-1", "web", 8080), *rest]))
    ended = pod("web-1", "web", 8080, phase="Succeeded")
    for pods in ([WEB, ended], [WEB], [ended], []):
        found, scratch = compiler.update(collect([*pods, *rest])), compile(collect([*pods, *rest]))
        assert (found.mesh, found.diagnostics) == (scratch.mesh, scratch.diagnostics)
