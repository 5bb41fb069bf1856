"""The parts that stand for those whom a pod calls."""

from dataclasses import dataclass
from typing import ClassVar

from google.protobuf.message import Message

from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.outbound import WeightedService
from smi.model.service import AppProtocol, OutlierDetection, ServicePort
from smi_envoy.translate import clusters, endpoints, names, tls
from smi_envoy.translate.endpoints import Share
from smi_envoy.translate.parts import Entry, Side, Table, World, route_of
from smi_envoy.xds.resources import ResourceKey, TypeUrl


@dataclass(frozen=True, slots=True)
class HttpUpstream:
    """The pods behind one port of a Service, for HTTP: one destination of routes."""

    side: ClassVar[Side] = Side.CLIENT
    service: NamespacedName
    port: int

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A cluster, its endpoints, and whom it takes for a server."""
        return _keys(
            names.upstream(self.service, self.port, AppProtocol.HTTP),
            names.servers(self.service, self.port, AppProtocol.HTTP),
        )

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """The Service."""
        return frozenset({Entry(Table.SERVICES, self.service)})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        cluster = names.upstream(self.service, self.port, AppProtocol.HTTP)
        servers = names.servers(self.service, self.port, AppProtocol.HTTP)
        port = _port(world.mesh, self.service, self.port)
        subjects = tls.servers(world.mesh.trust_domains, port.identities if port else ())
        oldest, unmeshed = tls.oldest(world.trust), bool(port and port.unmeshed)
        return (
            clusters.upstream(
                cluster,
                servers,
                AppProtocol.HTTP,
                oldest,
                _outliers(world.mesh, self.service),
                meets_applications=unmeshed,
            ),
            endpoints.of_port(cluster, port),
            tls.validation(servers, world.trust, subjects),
        )


@dataclass(frozen=True, slots=True)
class PodUpstream:
    """One port of one pod that is called by its own name: exactly that pod."""

    side: ClassVar[Side] = Side.CLIENT
    pod: NamespacedName
    port: int
    speaks: AppProtocol

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A cluster, its endpoint, and whom it takes for the server."""
        return _keys(
            names.pod_upstream(self.pod, self.port, self.speaks),
            names.pod_server(self.pod, self.port, self.speaks),
        )

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """The pod."""
        return frozenset({Entry(Table.WORKLOADS, self.pod)})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        pod = world.mesh.workloads.get(self.pod)
        cluster = names.pod_upstream(self.pod, self.port, self.speaks)
        server = names.pod_server(self.pod, self.port, self.speaks)
        oldest = tls.oldest(world.trust) if self.speaks is AppProtocol.HTTP else ""
        return (
            clusters.upstream(
                cluster,
                server,
                self.speaks,
                oldest,
                meets_applications=pod is not None and not pod.meshed,
            ),
            endpoints.of_pod(cluster, pod, self.port),
            tls.validation(server, world.trust, [tls.pod(pod)]),
        )


@dataclass(frozen=True, slots=True)
class TcpUpstream:
    """The pods that TCP connections to one port of a Service reach, by the shares of its split."""

    side: ClassVar[Side] = Side.CLIENT
    root: NamespacedName
    port: int

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A cluster, its endpoints, and whom it takes for a server."""
        return _keys(
            names.upstream(self.root, self.port, AppProtocol.TCP),
            names.servers(self.root, self.port, AppProtocol.TCP),
        )

    def reads(self, mesh: Mesh) -> frozenset[Entry]:
        """The routes of the Service, and the Services that they may lead to."""
        named = route_of(mesh, self.root, self.port).named
        services = {Entry(Table.SERVICES, service) for service in named}
        return frozenset({Entry(Table.ROUTES, self.root), *services})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        cluster = names.upstream(self.root, self.port, AppProtocol.TCP)
        servers = names.servers(self.root, self.port, AppProtocol.TCP)
        route = route_of(world.mesh, self.root, self.port)
        ports = {name: _port(world.mesh, name, self.port) for name in route.named}
        # Without a request there is nothing that matches could select.
        split = next((s for s in route.splits if s.matches is None), None)
        destinations = split.destinations if split else (WeightedService(self.root, 1),)
        shares = (Share(*d, port.endpoints) for d in destinations if (port := ports[d.service]))
        # Endpoints and secrets take effect one after the other: a handshake between the two must
        # not fail because weights moved.
        identities = {identity for port in ports.values() if port for identity in port.identities}
        return (
            clusters.upstream(
                cluster,
                servers,
                AppProtocol.TCP,
                outliers=_outliers(world.mesh, self.root),
            ),
            endpoints.of_shares(cluster, tuple(shares), split.name if split else None),
            tls.validation(servers, world.trust, tls.servers(world.mesh.trust_domains, identities)),
        )


def _keys(cluster: str, servers: str) -> tuple[ResourceKey, ...]:
    """What an upstream is made of: the cluster, its endpoints, and whom it takes for a server."""
    return (
        names.key(TypeUrl.CLUSTER, cluster),
        names.key(TypeUrl.ENDPOINT, cluster),
        names.key(TypeUrl.SECRET, servers),
    )


def _outliers(mesh: Mesh, service: NamespacedName) -> OutlierDetection | None:
    found = mesh.services.get(service)
    return found.outliers if found else None


def _port(mesh: Mesh, service: NamespacedName, number: int) -> ServicePort | None:
    found = mesh.services.get(service)
    return found.port(number) if found else None
