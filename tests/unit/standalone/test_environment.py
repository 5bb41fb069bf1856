from smi.k8s import core_v1
from smi.k8s.meta_v1 import ObjectMeta
from smi.k8s.resource import NamespacedName
from smi.model.workload import Detour, Port
from smi.standalone.addressing import Place
from smi.standalone.environment import (
    container_variables,
    expanded,
    port_variables,
    process_environment,
    proxy_variables,
    service_variables,
)
from tests.fakes.manifests import service

POD = core_v1.Pod(
    metadata=ObjectMeta(name="front-0", namespace="shop", uid="u-1", labels={"app": "front"}),
    spec=core_v1.PodSpec(service_account_name="front"),
    status=core_v1.PodStatus(pod_ip="127.1.2.3"),
)


def container(**variables: str) -> core_v1.Container:
    env = tuple(core_v1.EnvVar(name=name, value=value) for name, value in variables.items())
    return core_v1.Container(name="main", env=env)


def test_references_expand_and_unknown_ones_stay() -> None:
    assert expanded("$(A)-$(B)-$A", {"A": "1"}) == "1-$(B)-$A"


def test_a_doubled_dollar_is_one_dollar() -> None:
    assert expanded("$$(A) costs $$5", {"A": "1"}) == "$(A) costs $5"


def test_services_are_named_as_kubernetes_names_them() -> None:
    catalog = service("catalog-v1", ("http", 80, None), ("metrics-raw", 9090, None))
    ports = {
        (NamespacedName("shop", "catalog-v1"), 80): Place("127.1.2.3", 16000),
        (NamespacedName("shop", "catalog-v1"), 9090): Place("127.1.2.3", 16001),
    }
    assert service_variables([catalog], ports) == {
        "CATALOG_V1_SERVICE_HOST": "127.1.2.3",
        "CATALOG_V1_SERVICE_PORT": "16000",
        "CATALOG_V1_SERVICE_PORT_HTTP": "16000",
        "CATALOG_V1_SERVICE_PORT_METRICS_RAW": "16001",
    }


def test_a_port_that_no_sidecar_stands_for_is_not_named() -> None:
    catalog = service("catalog", ("http", 80, None))
    assert service_variables([catalog], {}) == {}


def test_no_address_stands_for_an_external_name() -> None:
    named = service("ext", ("http", 80, None))
    spec = named.spec.model_copy(update={"type": "ExternalName"})
    ports = {(named.key, 80): Place("127.1.2.3", 16000)}
    external = named.model_copy(update={"spec": spec})
    assert service_variables([external], ports) == {}


def test_port_is_the_first_of_the_container_itself() -> None:
    ports = (Port(8080, "http"), Port(9000, "admin-ui"))
    detours = {8080: Detour(8080, 20001), 9000: Detour(9000, 20002)}
    assert port_variables("127.0.0.1", ports[1:], ports, detours) == {
        "HOST": "127.0.0.1",
        "PORT": "20002",
        "PORT_8080": "20001",
        "PORT_9000": "20002",
        "PORT_HTTP": "20001",
        "PORT_ADMIN_UI": "20002",
    }


def test_a_pod_reaches_itself_and_its_sidecar_without_the_proxy() -> None:
    variables = proxy_variables("127.1.2.3", 15001)
    assert variables["HTTP_PROXY"] == variables["http_proxy"] == "http://127.1.2.3:15001"
    assert variables["HTTPS_PROXY"] == variables["https_proxy"] == "http://127.1.2.3:15001"
    assert variables["no_proxy"] == "localhost,127.0.0.1,127.1.2.3"


def test_the_mesh_wins_over_the_container_and_the_container_over_services() -> None:
    own = container(PORT="8080", ORDERS_SERVICE_HOST="elsewhere", URL="http://x:$(PORT)")
    variables = container_variables(own, POD, {"ORDERS_SERVICE_HOST": "here"}, {"PORT": "20001"})
    assert variables == {
        "ORDERS_SERVICE_HOST": "elsewhere",
        "PORT": "20001",
        "URL": "http://x:20001",
    }


def test_variables_may_come_from_the_pod_itself() -> None:
    fields = {
        "NAME": "metadata.name",
        "IP": "status.podIP",
        "APP": "metadata.labels['app']",
        "NODE": "spec.nodeName",
    }
    env = tuple(
        core_v1.EnvVar.model_validate(
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        )
        for name, path in fields.items()
    )
    variables = container_variables(core_v1.Container(name="main", env=env), POD, {}, {})
    assert variables == {"NAME": "front-0", "IP": "127.1.2.3", "APP": "front", "NODE": ""}


def test_proxies_of_the_machine_mean_nothing_to_a_pod() -> None:
    machine = {"PATH": "/bin", "https_proxy": "http://corp", "NO_PROXY": "*"}
    assert process_environment(machine, {"HTTP_PROXY": "x"}) == {"PATH": "/bin", "HTTP_PROXY": "x"}
