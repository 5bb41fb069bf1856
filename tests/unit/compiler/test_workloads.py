"""Pods as workloads, and the pods that controllers stand for."""

import pytest

from smi.compiler.access_log import ANNOTATION as ACCESS_LOG
from smi.compiler.compile import Compiler
from smi.compiler.state import collect
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName, Resource
from smi.model.identity import ServiceIdentity
from smi.model.workload import PolicyGroup, Port, Workload
from tests.objects import Fields, an, binding, compiled, pod

TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"serviceAccountName": "web", "containers": [{"name": "c"}]},
}


@pytest.mark.parametrize(
    ("kind", "spec", "count"),
    [
        ("Deployment", {}, 1),
        ("Deployment", {"replicas": 0}, 0),
        ("Deployment", {"replicas": 3}, 3),
        ("StatefulSet", {"replicas": 2}, 2),
        ("DaemonSet", {}, 1),
        ("Job", {}, 1),
        ("Job", {"parallelism": 2}, 2),
    ],
)
def test_controller_stands_for_its_pods(kind: str, spec: Fields, count: int) -> None:
    found = an(kind, "web", {"template": TEMPLATE, **spec})
    assert [key.name.name for key in collect([found]).resources] == [
        f"web-{number}" for number in range(count)
    ]


def test_expected_pods_are_ready_and_always_the_same() -> None:
    deployment = an("Deployment", "web", {"replicas": 2, "template": TEMPLATE})
    first, second = collect([deployment]).resources, collect([deployment]).resources
    assert first == second
    uids = {resource.metadata.uid for resource in first.values()}
    assert len(uids) == 2
    workloads = compiled(deployment).mesh.workloads
    assert all(w.ready and w.address.startswith("198.") for w in workloads.values())
    assert {w.owner for w in workloads.values()} == {"Deployment/web"}


def test_pod_that_is_there_wins_over_an_expected_one() -> None:
    real = pod("web-0", "web", ready="False")
    found = collect([real, an("Deployment", "web", {"template": TEMPLATE})])
    (resource,) = found.resources.values()
    assert resource is real


def workload(resource: object) -> Workload:
    assert isinstance(resource, core_v1.Pod)
    return compiled(resource).mesh.workloads[resource.key]


def test_pod_is_read_as_a_workload() -> None:
    found = workload(pod("web-0", "web", 8080, named={"admin": 9090}, address="10.0.0.7"))
    assert found.name == NamespacedName("shop", "web-0")
    assert found.identity == ServiceIdentity("shop", "web")
    assert found.ports == (Port(8080), Port(9090, "admin"))
    assert (found.uid, found.owner, found.address) == ("uid-web-0", "Pod/web-0", "10.0.0.7")
    assert found.ready
    assert found.loopback is None


@pytest.mark.parametrize(
    ("ready", "address"), [("False", "10.0.0.1"), ("Unknown", "10.0.0.1"), ("True", "")]
)
def test_pod_without_readiness_or_address_is_not_ready(ready: str, address: str) -> None:
    assert not workload(pod("web-0", "web", ready=ready, address=address)).ready


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_pod_that_has_ended_is_no_workload(phase: str) -> None:
    assert not compiled(pod("web-0", "web", phase=phase)).mesh.workloads


def test_group_is_the_account_and_the_bindings_that_select_labels() -> None:
    result = compiled(
        pod("web-0", "web", labels={"tier": "blue", "zone": "a"}),
        pod("web-1", "web"),
        pod("pay/web-2", "web", labels={"tier": "blue"}),
        binding("blue-a", labels={"tier": "blue", "zone": "a"}),
        binding("all", labels={"app": "web"}),
        binding("green", labels={"tier": "green"}),
        binding("account", serviceAccount="web"),
    )
    groups = {name.name: workload.group for name, workload in result.mesh.workloads.items()}
    assert groups == {
        "web-0": PolicyGroup(ServiceIdentity("shop", "web"), ("all", "blue-a")),
        "web-1": PolicyGroup(ServiceIdentity("shop", "web"), ("all",)),
        "web-2": PolicyGroup(ServiceIdentity("pay", "web")),
    }


def test_workload_knows_which_account_object_it_runs_as() -> None:
    web = pod("web-0", "web")
    compiler = Compiler()

    def uid(*accounts: Resource) -> str:
        mesh = compiler.update(collect([web, *accounts])).mesh
        return mesh.workloads[web.key].account_uid

    assert uid() == ""
    assert uid(an("ServiceAccount", "other", uid="o1"), an("ServiceAccount", "pay/web")) == ""
    assert uid(an("ServiceAccount", "web", uid="w1")) == "w1"
    assert uid(an("ServiceAccount", "web", uid="w2")) == "w2"
    assert uid(an("ServiceAccount", "web")) == ""


def test_pod_that_asks_for_access_logs_gets_them() -> None:
    for said, logs in (({}, False), ({ACCESS_LOG: "json"}, True)):
        template = {**TEMPLATE, "metadata": {"labels": {"app": "web"}, "annotations": said}}
        found = compiled(an("Deployment", "web", {"template": template}))
        assert [workload.logs for workload in found.mesh.workloads.values()] == [logs]
        assert found.diagnostics == ()


def test_access_log_of_another_format_is_none_and_its_author_is_told() -> None:
    template = {**TEMPLATE, "metadata": {"annotations": {ACCESS_LOG: "text"}}}
    found = compiled(an("Deployment", "web", {"replicas": 2, "template": template}))
    assert not any(workload.logs for workload in found.mesh.workloads.values())
    (said,) = found.diagnostics
    assert (said.kind, said.name.name, said.reason) == ("Deployment", "web", "AccessLogUnknown")
    assert said.field == "spec.template.metadata.annotations.smi-mesh.io/access-log"


def test_access_log_of_a_pod_of_nobody_is_told_of_at_the_pod() -> None:
    written = pod("web-0", "web")
    metadata = written.metadata.model_copy(update={"annotations": {ACCESS_LOG: ""}})
    found = compiled(written.model_copy(update={"metadata": metadata}))
    (said,) = found.diagnostics
    assert (said.kind, said.name.name) == ("Pod", "web-0")
    assert said.field == "metadata.annotations.smi-mesh.io/access-log"
