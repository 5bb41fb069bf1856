"""Pods without a sidecar: who may name them, and what is said of those who think to guard them."""

import pytest

from smi.compiler.compile import Compilation
from smi.compiler.modes import MOST_OPEN_SERVICES
from smi.k8s.resource import NamespacedName, Resource
from smi.model.identity import ServiceIdentity
from smi.model.service import Endpoint
from tests import builders as a
from tests.objects import an, compiled, pod, port, ports, reasons, rule, service, target

ALL = ports("TCPRoute", "all")


def known(result: Compilation, client: str) -> set[str]:
    """The Services that the pods of an account may name."""
    return {str(route.root) for route in result.mesh.outbound[a.identity(client)].routes}


def test_annotation_leaves_a_pod_without_a_sidecar() -> None:
    mesh = compiled(
        pod("web-0", "web"),
        pod("web-1", "web", inject="enabled"),
        pod("web-2", "web", inject="disabled"),
    ).mesh
    meshed = {name.name: workload.meshed for name, workload in mesh.workloads.items()}
    assert meshed == {"web-0": True, "web-1": True, "web-2": False}


@pytest.mark.parametrize("written", ["no", "false", "Disabled", ""])
def test_other_annotation_means_a_sidecar_and_is_said(written: str) -> None:
    result = compiled(pod("web-0", "web", inject=written))
    assert result.mesh.workloads[a.name("web-0")].meshed
    field = "metadata.annotations.smi-mesh.io/inject"
    assert reasons(result) == [("error", "Pod shop/web-0", field, "UnknownInject")]


def test_wrong_annotation_of_a_template_is_said_once_of_whom_it_is() -> None:
    spec = {
        "replicas": 2,
        "template": {
            "metadata": {"annotations": {"smi-mesh.io/inject": "off"}},
            "spec": {"containers": []},
        },
    }
    field = "spec.template.metadata.annotations.smi-mesh.io/inject"
    assert reasons(compiled(an("Deployment", "web", spec))) == [
        ("error", "Deployment shop/web", field, "UnknownInject")
    ]


def test_service_tells_those_with_a_sidecar_from_those_without() -> None:
    result = compiled(
        service("web", port(80, 8080), selector={"tier": "blue"}),
        pod("new-0", "new", 8080, labels={"tier": "blue"}, address="10.0.0.1"),
        pod("old-0", "old", 8080, labels={"tier": "blue"}, address="10.0.0.2", inject="disabled"),
    )
    there = result.mesh.services[a.name("web")].ports[0]
    assert there.endpoints == (
        Endpoint(a.name("new-0"), a.identity("new"), "10.0.0.1", 8080, 8080),
        Endpoint(a.name("old-0"), a.identity("old"), "10.0.0.2", 8080, 8080, meshed=False),
    )
    # A client must not take for a server of this Service who cannot be one.
    assert there.identities == {ServiceIdentity("shop", "new")}
    assert there.unmeshed


@pytest.mark.parametrize("ready", ["True", "False"])
def test_everybody_may_name_a_service_of_somebody_without_a_sidecar(ready: str) -> None:
    result = compiled(
        service("web", port(80)),
        service("half", port(80), selector={"tier": "blue"}),
        service("meshed", port(80), selector={"app": "front"}),
        pod("web-0", "web", labels={"tier": "blue"}, inject="disabled", ready=ready),
        pod("front-0", "front", labels={"tier": "blue"}),
    )
    assert known(result, "front") == {"shop/web", "shop/half"}


def test_service_is_known_no_longer_when_the_last_of_them_has_ended() -> None:
    gone = pod("web-0", "web", inject="disabled", phase="Succeeded")
    assert (
        known(compiled(service("web", port(80)), gone, pod("front-0", "front")), "front") == set()
    )


def test_services_that_let_everybody_in_are_known_up_to_a_limit() -> None:
    services = [
        service(f"s{number:03}", port(80), selector={"app": "web"})
        for number in range(MOST_OPEN_SERVICES + 1)
    ]
    result = compiled(
        *services,
        pod("web-0", "web", inject="disabled"),
        pod("front-0", "front"),
        an("Namespace", "shop"),
    )
    assert len(known(result, "front")) == MOST_OPEN_SERVICES
    assert [found[3] for found in reasons(result)] == ["TooManyOpenServices"]


@pytest.mark.parametrize("mode", ["strict", "permissive"])
def test_open_services_are_one_set_whatever_opens_them(mode: str) -> None:
    result = compiled(
        an("Namespace", "shop", annotations={"smi-mesh.io/mode": mode}),
        service("web", port(80)),
        service("pay/web", port(80)),
        pod("web-0", "web", inject="disabled"),
        pod("pay/web-0", "web", inject="disabled"),
        pod("ops/front-0", "front"),
    )
    assert known(result, "ops/front") == {"shop/web", "pay/web"}


def opened(*pods: Resource) -> str:
    """What is said of a TrafficTarget that opens `pods`."""
    front, granted = pod("front-0", "front"), target("t", "web", ["front"], rule("TCPRoute", "all"))
    result = compiled(*pods, front, ALL, granted)
    assert {d.reason for d in result.diagnostics} <= {"NoSidecar"}
    return "\n".join(d.message for d in result.diagnostics)


def test_target_that_opens_what_is_open_anyway_is_told() -> None:
    assert opened(pod("web-0", "web", inject="disabled")) == (
        "no pod of the destination has a sidecar: they let everybody in, and this TrafficTarget"
        " grants nothing that is not open anyway (web-0)"
    )


def test_target_is_told_of_the_pods_that_it_does_not_guard() -> None:
    old = [pod(f"old-{number}", "web", inject="disabled") for number in range(4)]
    assert opened(pod("web-0", "web"), *old) == (
        "without a sidecar, old-0, old-1, old-2, ... let everybody in, whatever this"
        " TrafficTarget grants"
    )


def test_target_of_pods_with_sidecars_or_of_none_is_not_told() -> None:
    ended = pod("old-0", "web", inject="disabled", phase="Failed")
    assert opened(pod("web-0", "web"), ended) == ""
    assert opened() == ""


def test_target_that_grants_nothing_is_told_of_that_alone() -> None:
    unsound = target("t", "pay/web", ["front"], rule("TCPRoute", "all"))
    result = compiled(pod("web-0", "web", inject="disabled"), ALL, unsound)
    assert [d.reason for d in result.diagnostics] == ["CrossNamespaceDestination"]


def test_pods_are_published_before_they_are_ready_where_the_service_asks_for_it() -> None:
    spec = {"selector": {"app": "web"}, "ports": [port(80)], "publishNotReadyAddresses": True}
    result = compiled(
        an("Service", "web", spec),
        pod("web-0", "web", ready="False"),
        pod("web-1", "web", ready="False", address=""),
        pod("web-2", "web", phase="Failed"),
    )
    found = result.mesh.services[a.name("web")].ports[0].endpoints
    assert [endpoint.pod for endpoint in found] == [NamespacedName("shop", "web-0")]
