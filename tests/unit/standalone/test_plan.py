from uuid import UUID

import pytest

from smi.compiler.state import ResourceKey
from smi.k8s import batch_v1, core_v1
from smi.k8s.meta_v1 import ObjectMeta
from smi.k8s.resource import NamespacedName, Resource
from smi.model.diagnostic import Severity
from smi.model.workload import Detour
from smi.standalone.addressing import Machine
from smi.standalone.plan import Plan, Replica, loopback, make_plan, running_pod
from tests.fakes.manifests import deployment, service, unmeshed

# Every odd port has somebody on it already, but for those of sidecars' own addresses.
MACHINE = Machine("127.81.4", UUID(int=7), lambda host, port: host != "0.0.0.0" or port % 2 == 0)
FRONT = NamespacedName("shop", "front-0")


def plan(*resources: Resource, previous: Plan | None = None) -> Plan:
    made, diagnostics = make_plan(resources, {}, MACHINE, previous or Plan())
    assert diagnostics == ()
    return made


def only(made: Plan) -> Replica:
    (replica,) = made.replicas.values()
    return replica


def test_every_pod_has_an_address_and_an_application_port_of_its_own() -> None:
    made = plan(deployment("front", replicas=3, ports={"http": 8080}))
    replicas = made.replicas.values()
    assert [str(r.name) for r in replicas] == ["shop/front-0", "shop/front-1", "shop/front-2"]
    assert [r.address for r in replicas] == ["127.81.4.1", "127.81.4.2", "127.81.4.3"]
    applications = {r.detours[8080].application for r in replicas}
    assert len(applications) == 3
    assert all(20000 <= port < 30000 and port % 2 == 0 for port in applications)


def test_an_equal_edit_changes_nothing() -> None:
    before = plan(deployment("front", ports={"http": 8080}), service("front", ("http", 80, 8080)))
    after = plan(
        deployment("front", ports={"http": 8080}),
        service("front", ("http", 80, 8080)),
        previous=before,
    )
    assert after.replicas == before.replicas
    assert after.services == before.services


def test_addresses_and_ports_survive_other_pods_coming_and_going() -> None:
    before = plan(deployment("a", ports={"http": 80}), deployment("b", ports={"http": 80}))
    after = plan(
        deployment("b", ports={"http": 80}), deployment("c", ports={"http": 80}), previous=before
    )
    b, c = NamespacedName("shop", "b-0"), NamespacedName("shop", "c-0")
    assert after.replicas[b] == before.replicas[b]
    assert after.replicas[c].address == "127.81.4.3"
    taken = {r.detours[80].application for r in before.replicas.values()}
    assert after.replicas[c].detours[80].application not in taken


def test_a_changed_template_makes_another_pod_in_the_same_place() -> None:
    before = plan(deployment("front", ports={"http": 8080}))
    after = plan(deployment("front", ports={"http": 8080}, args=["-v"]), previous=before)
    old, new = only(before), only(after)
    assert new.digest != old.digest
    assert new.pod.metadata.uid != old.pod.metadata.uid
    assert (new.address, new.detours) == (old.address, old.detours)


def test_a_reverted_template_is_yet_another_pod() -> None:
    first = plan(deployment("front"))
    second = plan(deployment("front", args=["-v"]), previous=first)
    third = plan(deployment("front"), previous=second)
    assert len({only(p).pod.metadata.uid for p in (first, second, third)}) == 3


def test_a_new_service_gives_variables_but_no_new_pods() -> None:
    before = plan(deployment("front"))
    after = plan(deployment("front"), service("orders", ("http", 80, None)), previous=before)
    assert only(after).pod == only(before).pod
    (process,) = only(after).processes
    assert process.environment["ORDERS_SERVICE_HOST"] == "127.81.4.1"
    assert process.environment["ORDERS_SERVICE_PORT"] == "16000"


def test_a_service_gives_variables_only_in_its_namespace() -> None:
    made = plan(deployment("front"), service("orders", ("http", 80, None), namespace="other"))
    (process,) = only(made).processes
    assert "ORDERS_SERVICE_HOST" not in process.environment
    assert made.services == {(NamespacedName("other", "orders"), 80): 16000}


@pytest.mark.parametrize(
    ("port", "inbound"),
    [(8080, 8080), (80, 40080), (443, 40443), (15001, 45001), (29999, 59999), (30000, 30000)],
)
def test_sidecars_listen_on_the_port_itself_unless_it_is_privileged_or_taken(
    port: int, inbound: int
) -> None:
    made = plan(deployment("front", ports={"http": port}))
    assert only(made).detours[port].inbound == inbound


def test_without_a_sidecar_the_application_is_on_the_pods_own_address_and_port() -> None:
    made = plan(unmeshed(deployment("old", ports={"http": 8080, "low": 80, "own": 15001})))
    assert not only(made).meshed
    assert only(made).detours == {
        8080: Detour(8080, 8080),
        80: Detour(40080, 40080),
        15001: Detour(45001, 45001),
    }
    (process,) = only(made).processes
    assert (process.host, process.ports) == ("127.81.4.1", (8080, 40080, 45001))
    assert process.environment == {
        "HOST": "127.81.4.1",
        "PORT": "8080",
        "PORT_8080": "8080",
        "PORT_80": "40080",
        "PORT_15001": "45001",
        "PORT_HTTP": "8080",
        "PORT_LOW": "40080",
        "PORT_OWN": "45001",
    }


def test_a_pod_keeps_its_place_when_it_loses_its_sidecar_and_gets_it_back() -> None:
    meshed = deployment("old", ports={"http": 80})
    before = plan(meshed)
    bare = plan(unmeshed(meshed), previous=before)
    after = plan(meshed, previous=bare)
    assert only(bare).detours == {80: Detour(40080, 40080)}
    assert {p.detours[80].inbound for p in map(only, (before, bare, after))} == {40080}
    assert only(after).detours[80].application in range(20000, 30000)
    assert len({only(p).pod.metadata.uid for p in (before, bare, after)}) == 3


def test_without_a_sidecar_the_variables_of_a_service_lead_to_its_first_pod() -> None:
    made = plan(
        deployment("web", replicas=2, ports={"http": 8080}),
        unmeshed(deployment("old")),
        service("web", ("http", 80, "http"), ("admin", 81, 9000), ("gone", 82, "gone")),
        service("nobody", ("http", 80, None)),
    )
    (process,) = made.replicas[NamespacedName("shop", "old-0")].processes
    web = made.replicas[NamespacedName("shop", "web-0")]
    assert {k: v for k, v in process.environment.items() if "SERVICE" in k} == {
        "WEB_SERVICE_HOST": web.address,
        "WEB_SERVICE_PORT": "8080",
        "WEB_SERVICE_PORT_HTTP": "8080",
        "WEB_SERVICE_PORT_ADMIN": "9000",
    }


def test_a_port_on_which_the_machine_listens_already_gets_another_number() -> None:
    busy = Machine("127.81.4", UUID(int=7), lambda _, port: port != 8080)
    made, _ = make_plan([deployment("front", ports={"http": 8080})], {}, busy, Plan())
    assert only(made).detours[8080].inbound == 8081
    again, _ = make_plan([deployment("front", ports={"http": 8080})], {}, MACHINE, made)
    assert again.replicas == made.replicas


def test_two_ports_never_share_an_inbound_number() -> None:
    made = plan(deployment("front", ports={"a": 40080, "b": 80}))
    assert {p: d.inbound for p, d in only(made).detours.items()} == {40080: 40080, 80: 40081}


def test_ports_that_only_a_service_names_are_reachable_too() -> None:
    made = plan(deployment("front"), service("front", ("http", 80, 9000), ("same", 7000, None)))
    (process,) = only(made).processes
    assert list(only(made).detours) == [7000, 9000]
    assert process.environment["PORT"] == str(only(made).detours[7000].application)


def test_command_and_args_find_the_variables_of_the_container() -> None:
    front = deployment(
        "front", command=["serve"], args=["--port=$(PORT)", "$$(PORT)"], ports={"http": 8080}
    )
    (process,) = only(plan(front)).processes
    application = only(plan(front)).detours[8080].application
    assert process.command == ("serve", f"--port={application}", "$(PORT)")
    assert process.ports == (application,)


def test_commands_run_beside_their_manifest_unless_told_otherwise() -> None:
    resources = (
        deployment("a"),
        deployment("b", workingDir="sub"),
        deployment("c", workingDir="/x"),
    )
    places = {ResourceKey("Deployment", r.key): "demo" for r in resources}
    made, _ = make_plan(resources, places, MACHINE, Plan())
    directories = [process.directory for r in made.replicas.values() for process in r.processes]
    assert directories == ["demo", "demo/sub", "/x"]


def test_a_container_without_command_is_an_error_on_its_object() -> None:
    made, (finding,) = make_plan((deployment("front", command=()),), {}, MACHINE, Plan())
    assert made.replicas == {}
    assert (finding.severity, finding.reason) == (Severity.ERROR, "CommandMissing")
    assert (finding.kind, str(finding.name)) == ("Deployment", "shop/front")
    assert finding.field == "spec.template.spec.containers[0].command"


def test_a_pod_name_that_is_taken_is_an_error() -> None:
    bare = core_v1.Pod(
        metadata=ObjectMeta(name="front-0", namespace="shop"),
        spec=core_v1.PodSpec(containers=(core_v1.Container(name="x", command=("x",)),)),
    )
    made, (finding,) = make_plan((deployment("front"), bare), {}, MACHINE, Plan())
    assert only(made).owner == "Deployment/front"
    assert (finding.reason, finding.kind) == ("PodNameTaken", "Pod")


@pytest.mark.parametrize("replicas", [255, 2_000_000_000])
def test_a_machine_has_a_limit_and_says_so(replicas: int) -> None:
    made, (finding,) = make_plan((deployment("front", replicas=replicas),), {}, MACHINE, Plan())
    assert made.replicas == {}
    assert (finding.reason, finding.field) == ("TooManyPods", "spec.replicas")


def test_variables_from_what_is_not_here_stay_empty_with_a_warning() -> None:
    env = [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}},
        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['none']"}}},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
        {"name": "D", "value": "d"},
    ]
    _, found = make_plan((deployment("front", env=env),), {}, MACHINE, Plan())
    fields = [f"spec.template.spec.containers[0].env[{index}].valueFrom" for index in (0, 2)]
    assert [finding.field for finding in found] == fields
    assert {(f.severity, f.reason) for f in found} == {(Severity.WARNING, "VariableEmpty")}


def test_a_job_without_a_restart_policy_starts_again_only_what_failed() -> None:
    job = batch_v1.Job(
        metadata=ObjectMeta(name="load", namespace="shop"),
        spec=batch_v1.JobSpec(template=deployment("load").spec.template),
    )
    made, (finding,) = make_plan((job,), {}, MACHINE, Plan())
    assert only(made).restart_policy == "OnFailure"
    assert (finding.reason, finding.severity) == ("RestartPolicyAssumed", Severity.WARNING)


def test_init_containers_are_left_out_with_a_warning() -> None:
    pod = core_v1.Pod(
        metadata=ObjectMeta(name="one"),
        spec=core_v1.PodSpec(
            containers=(core_v1.Container(name="x", command=("x",)),),
            init_containers=(core_v1.Container(name="first", command=("y",)),),
        ),
    )
    made, (finding,) = make_plan((pod,), {}, MACHINE, Plan())
    assert only(made).owner == "Pod/one"
    assert (finding.severity, finding.field) == (Severity.WARNING, "spec.initContainers")


def test_a_running_pod_reports_its_address_and_readiness() -> None:
    replica = only(plan(deployment("front")))
    status = running_pod(replica, ready=True).status
    assert status.pod_ip == "127.81.4.1"
    assert [(c.type, c.status) for c in status.conditions] == [("Ready", "True")]


def test_a_loopback_has_the_services_of_the_whole_plan() -> None:
    made = plan(deployment("front", ports={"http": 80}), service("front", ("http", 80, None)))
    reached = loopback(only(made), made)
    assert reached.proxy == 15001
    assert reached.detours == only(made).detours
    assert reached.services == {(NamespacedName("shop", "front"), 80): 16000}


def test_only_pod_of_a_deployment_gets_a_standby_when_it_is_first_replaced() -> None:
    first = plan(deployment("front", ports={"http": 8080}))
    assert first.standbys == {}
    second = plan(deployment("front", ports={"http": 8080}, args=["-v"]), previous=first)
    (standby,) = second.standbys.values()
    assert str(standby.name) == "shop/front-1"
    assert standby.processes[0].command[-1] == "-v"
    assert standby.address != only(second).address
    assert standby.detours[8080].application != only(second).detours[8080].application
    third = plan(deployment("front", ports={"http": 8080}, args=["-v"]), previous=second)
    assert third.standbys == second.standbys
    assert plan(previous=third).standbys == {}


def test_other_pods_have_no_standby() -> None:
    two = plan(deployment("front", replicas=2))
    assert plan(deployment("front", replicas=2, args=["-v"]), previous=two).standbys == {}
    recreated = [deployment("front", args=args, strategy="Recreate") for args in ([], ["-v"])]
    assert plan(recreated[1], previous=plan(recreated[0])).standbys == {}
    bare = core_v1.Pod(
        metadata=ObjectMeta(name="front-1", namespace="shop"),
        spec=deployment("front").spec.template.spec,
    )
    before = plan(deployment("front"), bare)
    assert plan(deployment("front", args=["-v"]), bare, previous=before).standbys == {}


def test_machine_that_is_full_replaces_without_a_standby() -> None:
    others = deployment("others", replicas=253)
    full = plan(deployment("front"), others)
    assert plan(deployment("front", args=["-v"]), others, previous=full).standbys == {}
