import pytest

from smi import scheme
from smi.errors import InvalidResource
from smi.k8s import core_v1, meta_v1
from smi.k8s.resource import NamespacedName


def pod(**spec: object) -> core_v1.Pod:
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}
    decoded = scheme.decode(document)
    assert isinstance(decoded, core_v1.Pod)
    return decoded


def service(*ports: object) -> core_v1.Service:
    document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"ports": list(ports)},
    }
    decoded = scheme.decode(document)
    assert isinstance(decoded, core_v1.Service)
    return decoded


def message(*ports: object) -> str:
    with pytest.raises(InvalidResource) as caught:
        service(*ports)
    return str(caught.value)


def test_a_name_in_no_namespace_is_only_a_name() -> None:
    assert str(NamespacedName("shop", "web")) == "shop/web"
    assert str(NamespacedName("", "shop")) == "shop"


def test_an_object_without_namespace_is_in_default() -> None:
    assert pod().key == NamespacedName("default", "web")


def test_an_empty_namespace_is_default_too() -> None:
    assert meta_v1.ObjectMeta(name="web", namespace="").namespace == "default"


def test_pods_run_as_the_default_service_account() -> None:
    assert pod().spec.service_account_name == "default"
    assert pod(serviceAccountName="").spec.service_account_name == "default"


def test_the_deprecated_name_of_the_service_account_is_read() -> None:
    assert pod(serviceAccount="web").spec.service_account_name == "web"


def test_the_field_of_today_wins_over_the_deprecated_one() -> None:
    decoded = pod(serviceAccount="old", serviceAccountName="new")
    assert decoded.spec.service_account_name == "new"


def test_null_counts_as_absent() -> None:
    assert pod(containers=None, restartPolicy=None) == pod()


def test_unknown_fields_of_core_kinds_are_ignored() -> None:
    decoded = pod(tolerations=[{"key": "a"}], containers=[{"name": "a", "readinessProbe": {}}])
    assert scheme.unknown_fields(decoded) == ()


def test_a_container_is_read_with_what_a_runner_needs() -> None:
    container = {
        "name": "app",
        "image": "python",
        "command": ["python"],
        "args": ["-m", "http.server"],
        "workingDir": "/srv",
        "env": [
            {"name": "MODE", "value": "fast"},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
        ],
        "ports": [
            {"name": "http", "containerPort": 8080},
            {"containerPort": 53, "protocol": "UDP"},
        ],
    }
    (read,) = pod(containers=[container]).spec.containers
    assert read.working_dir == "/srv"
    assert [port.container_port for port in read.ports] == [8080, 53]
    assert [port.protocol for port in read.ports] == ["TCP", "UDP"]
    mode, address, key = read.env
    assert mode.value == "fast"
    assert address.value_from == core_v1.EnvVarSource(
        field_ref=core_v1.ObjectFieldSelector(field_path="status.podIP")
    )
    assert key.value_from == core_v1.EnvVarSource()


def test_the_address_of_a_pod_is_read() -> None:
    status = core_v1.PodStatus.model_validate({"podIP": "10.0.0.1", "phase": "Running"})
    assert status.pod_ip == "10.0.0.1"


def test_a_headless_service_has_the_text_none() -> None:
    spec = core_v1.ServiceSpec.model_validate({"clusterIP": "None"})
    assert spec.cluster_ip == "None"


def test_numeric_strings_are_ports() -> None:
    (port,) = service({"port": "80", "targetPort": "8080"}).spec.ports
    assert (port.port, port.target_port) == (80, 8080)


def test_a_target_port_may_be_a_name_or_absent() -> None:
    named, absent = service({"port": 80, "targetPort": "http"}, {"port": 81}).spec.ports
    assert (named.target_port, absent.target_port) == ("http", None)


@pytest.mark.parametrize("port", [0, 70000, "70000", True, "", [80], 80.5])
def test_a_target_port_that_cannot_be_is_refused(port: object) -> None:
    assert "spec.ports[0].targetPort: should be a port from 1 to 65535 or the name of one" in (
        message({"port": 80, "targetPort": port})
    )


@pytest.mark.parametrize(
    ("port", "wrong"),
    [
        (0, "should be 1 or more, not 0"),
        (65536, "should be 65535 or less, not 65536"),
        (True, "should be a whole number, not true"),
        ("http", 'should be a whole number, not "http"'),
        (1.5, "should be a whole number, not 1.5"),
    ],
)
def test_a_port_that_cannot_be_is_refused(port: object, wrong: str) -> None:
    assert message({"port": port}) == f"Service default/web: spec.ports[0].port: {wrong}"


def test_a_protocol_is_written_in_capitals() -> None:
    assert message({"port": 53, "protocol": "udp"}) == (
        "Service default/web: spec.ports[0].protocol: should be 'TCP', 'UDP' or 'SCTP', not \"udp\""
    )


def test_values_are_made_by_their_python_names_too() -> None:
    spec = core_v1.PodSpec(service_account_name="web", host_network=True)
    assert spec.model_dump(exclude_unset=True) == {
        "serviceAccountName": "web",
        "hostNetwork": True,
    }


def test_documents_are_read_by_their_own_names_only() -> None:
    assert pod(service_account_name="web").spec.service_account_name == "default"
