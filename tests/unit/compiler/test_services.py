"""Services, and where each of their ports leads."""

import pytest

from smi.compiler.compile import compile  # noqa: A004 - the field's word for it
from smi.compiler.services import services_of_pod, speaks
from smi.compiler.state import ClusterState, collect
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName, Resource
from smi.model.identity import ServiceIdentity
from smi.model.service import AppProtocol, Service
from smi.model.workload import Detour, Loopback
from tests.objects import Fields, an, compiled, pod, port, reasons, service


def web(*objects: Resource) -> Service:
    """The Service `web` among `objects`."""
    return compiled(*objects).mesh.services[NamespacedName("shop", "web")]


def endpoints(found: Service, number: int) -> list[tuple[str, int]]:
    """The pods behind a port, and their own ports."""
    there = found.port(number)
    assert there is not None
    return [(e.pod.name if e.pod else e.address, e.target_port) for e in there.endpoints]


def test_target_port_is_a_number_a_name_or_the_same_number() -> None:
    found = web(
        service("web", port(80, 8080), port(81, "admin"), port(8080)),
        pod("web-1", "web", 8080, named={"admin": 9091}),
        pod("web-0", "web", 8080, named={"admin": 9090}),
    )
    assert endpoints(found, 80) == [("web-0", 8080), ("web-1", 8080)]
    assert endpoints(found, 81) == [("web-0", 9090), ("web-1", 9091)]
    assert endpoints(found, 8080) == [("web-0", 8080), ("web-1", 8080)]


def test_pod_without_the_named_port_gets_no_traffic() -> None:
    objects = (service("web", port(80, "http")), pod("web-0", "web", 8080))
    found = web(*objects)
    assert endpoints(found, 80) == []
    assert found.ports[0].identities == frozenset()
    assert reasons(compiled(*objects)) == [
        ("warning", "Service shop/web", "spec.ports[0].targetPort", "PortNotFound")
    ]


def test_named_port_of_another_protocol_is_not_meant() -> None:
    containers = [
        {
            "name": "c",
            "ports": [
                {"name": "dns", "containerPort": 5353, "protocol": "UDP"},
                {"name": "web", "containerPort": 8080},
            ],
        }
    ]
    resource = an("Pod", "web-0", {"containers": containers}, labels={"app": "web"})
    ready = {
        "podIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    running = core_v1.Pod.model_validate({**resource.model_dump(by_alias=True), "status": ready})
    found = web(
        service("web", port(53, "dns"), port(54, "dns", protocol="UDP"), port(80, "web")), running
    )
    assert [(p.number, [e.target_port for e in p.endpoints]) for p in found.ports] == [
        (53, []),
        (54, [5353]),
        (80, [8080]),
    ]


def test_pods_that_are_not_ready_may_be_met_but_get_no_traffic() -> None:
    found = web(
        service("web", port(80, 8080), selector={"tier": "blue"}),
        pod("web-0", "web", 8080, labels={"tier": "blue"}),
        pod("web-1", "other", 8080, labels={"tier": "blue"}, ready="False"),
        pod("web-2", "ended", 8080, labels={"tier": "blue"}, phase="Failed"),
    )
    assert endpoints(found, 80) == [("web-0", 8080)]
    assert found.ports[0].identities == {
        ServiceIdentity("shop", "web"),
        ServiceIdentity("shop", "other"),
    }


def test_pod_that_is_leaving_gets_traffic_only_where_no_other_is_ready() -> None:
    def leaving(number: int, ready: str = "True") -> Resource:
        return pod(f"web-{number}", "web", 8080, leaving=True, ready=ready)

    blue, stays = service("web", port(80, 8080)), pod("web-0", "web", 8080)
    assert endpoints(web(blue, stays, leaving(1)), 80) == [("web-0", 8080)]
    gone = leaving(2, ready="False")
    assert endpoints(web(blue, leaving(1), gone), 80) == [("web-1", 8080)]
    assert endpoints(web(blue, gone), 80) == []
    (workload,) = compiled(leaving(1)).mesh.workloads.values()
    assert not workload.ready


def test_service_selects_pods_of_its_own_namespace_by_all_labels() -> None:
    found = web(
        service("web", port(80), selector={"app": "web", "tier": "blue"}),
        pod("web-0", "web", 80, labels={"tier": "blue"}),
        pod("web-1", "web", 80),
        pod("pay/web-2", "web", 80, labels={"tier": "blue"}),
    )
    assert endpoints(found, 80) == [("web-0", 80)]


def test_service_without_a_selector_has_no_pods() -> None:
    assert endpoints(web(service("web", port(80), selector={}), pod("web-0", "web", 80)), 80) == []


def test_ports_are_ordered_and_told_apart_by_protocol() -> None:
    found = web(service("web", port(53, protocol="UDP"), port(53), port(8)))
    assert [(p.number, p.protocol) for p in found.ports] == [(8, "TCP"), (53, "TCP"), (53, "UDP")]
    assert found.port(53) is found.ports[1]
    assert found.port(54) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, AppProtocol.DETECT),
        ({"name": "http"}, AppProtocol.HTTP),
        ({"name": "http-web"}, AppProtocol.HTTP),
        ({"name": "grpc-x"}, AppProtocol.HTTP),
        ({"name": "httpx"}, AppProtocol.DETECT),
        ({"name": "http2"}, AppProtocol.HTTP),
        ({"name": "h2c-x"}, AppProtocol.HTTP),
        ({"name": "grpc-web"}, AppProtocol.HTTP),
        ({"name": "tls-x"}, AppProtocol.TCP),
        ({"name": "https-x"}, AppProtocol.TCP),
        ({"name": "web-http"}, AppProtocol.DETECT),
        ({"name": "tcp", "appProtocol": "http2"}, AppProtocol.HTTP),
        ({"name": "tcp", "appProtocol": "grpc-web"}, AppProtocol.HTTP),
        ({"name": "tcp", "appProtocol": "kubernetes.io/ws"}, AppProtocol.HTTP),
        ({"name": "http", "appProtocol": "kubernetes.io/wss"}, AppProtocol.TCP),
        ({"name": "http", "appProtocol": "TLS"}, AppProtocol.TCP),
        ({"name": "http", "appProtocol": "postgresql"}, AppProtocol.TCP),
        ({"name": "http", "appProtocol": ""}, AppProtocol.HTTP),
        ({"name": "tcp-db"}, AppProtocol.TCP),
        ({"name": "https"}, AppProtocol.TCP),
        ({"name": "http", "appProtocol": "tcp"}, AppProtocol.TCP),
        ({"appProtocol": "HTTP"}, AppProtocol.HTTP),
        ({"appProtocol": "kubernetes.io/h2c"}, AppProtocol.HTTP),
        ({"name": "http", "appProtocol": "example.org/own"}, AppProtocol.TCP),
    ],
)
def test_protocol_is_declared_or_detected(written: Fields, expected: AppProtocol) -> None:
    assert speaks(core_v1.ServicePort.model_validate({"port": 80, **written})) is expected


def test_loopback_says_where_endpoints_are_dialled() -> None:
    name = NamespacedName("shop", "web-0")
    loopback = Loopback({8080: Detour(28080, 40000)}, 15001, {})
    objects = (
        service("web", port(80, 8080), port(81, 9090)),
        pod("web-0", "web", 8080, address="127.9.9.9"),
    )
    found = compile(collect(objects, {name: loopback})).mesh.services[NamespacedName("shop", "web")]
    assert [(e.address, e.port, e.target_port) for e in found.ports[0].endpoints] == [
        ("127.9.9.9", 28080, 8080)
    ]
    assert found.ports[1].endpoints == ()  # the machine has no way to a port that nobody declared


def test_pod_that_is_gone_has_no_services() -> None:
    class Nothing:
        def __call__(self, key: object, /) -> None:
            return None

        def peek(self, key: object, /) -> None:
            return None

    assert services_of_pod(Nothing(), NamespacedName("shop", "web-0")) == frozenset()
    assert not compile(ClusterState({})).mesh.services
