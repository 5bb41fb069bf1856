"""The parts that concern a pod when it calls."""

from dataclasses import dataclass
from typing import ClassVar

from google.protobuf.message import Message

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.mesh import Mesh
from smi.model.outbound import Route, WeightedService
from smi.model.service import AppProtocol, OutlierDetection, ServicePort
from smi_envoy.translate import (
    clusters,
    endpoints,
    forwarding,
    hosts,
    listeners,
    names,
    routes,
    tls,
)
from smi_envoy.translate.endpoints import Share
from smi_envoy.translate.parts import NAMESPACES, Entry, Side, Table, World, on_loopback
from smi_envoy.xds.resources import ResourceKey, TypeUrl


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """The HTTP proxy of a pod."""

    side: ClassVar[Side] = Side.CLIENT
    pod: NamespacedName

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A listener."""
        return (names.key(TypeUrl.LISTENER, names.proxy_listener(self.pod)),)

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """The pod."""
        return frozenset({Entry(Table.WORKLOADS, self.pod)})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        pod, loopback = on_loopback(world.mesh, self.pod)
        at = (pod.address, loopback.proxy)
        return (listeners.proxy(self.pod, pod.uid, pod.identity, at, logs=pod.logs),)


@dataclass(frozen=True, slots=True)
class HttpProxyRoutes:
    """What the HTTP proxies of one identity answer."""

    side: ClassVar[Side] = Side.CLIENT
    identity: ServiceIdentity

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """Routes."""
        return (names.key(TypeUrl.ROUTE, names.outbound_client(self.identity)),)

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """What the identity may send, and which hosts might be names of the mesh."""
        return frozenset({Entry(Table.OUTBOUND, self.identity), NAMESPACES})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        outbound = world.mesh.outbound.get(self.identity)
        return (hosts.of_client(self.identity, outbound, world.mesh.namespaces),)


@dataclass(frozen=True, slots=True)
class External:
    """All hosts outside the mesh."""

    side: ClassVar[Side] = Side.CLIENT

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A cluster."""
        return (names.key(TypeUrl.CLUSTER, names.EXTERNAL),)

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """Nothing: it is the same in every mesh."""
        return frozenset()

    def build(self, _world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        return (forwarding.external(),)


@dataclass(frozen=True, slots=True)
class OwnDoor:
    """Where tunnels to one port of a Service lead: `at`, a port of the pod's own address."""

    side: ClassVar[Side] = Side.CLIENT
    root: NamespacedName
    port: int
    at: int

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A cluster."""
        return (names.key(TypeUrl.CLUSTER, names.door(self.root, self.port)),)

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """Nothing: its fields say all."""
        return frozenset()

    def build(self, _world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        return (clusters.own_door(names.door(self.root, self.port), self.at),)


@dataclass(frozen=True, slots=True)
class ServiceDoor:
    """The door of a pod that stands for one port of a Service."""

    side: ClassVar[Side] = Side.CLIENT
    pod: NamespacedName
    root: NamespacedName
    port: int
    speaks: AppProtocol

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A listener."""
        name = names.service_listener(self.pod, self.root, self.port)
        return (names.key(TypeUrl.LISTENER, name),)

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """The pod."""
        return frozenset({Entry(Table.WORKLOADS, self.pod)})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        pod, loopback = on_loopback(world.mesh, self.pod)
        at = (pod.address, loopback.services[self.root, self.port])
        return (
            listeners.service(
                self.pod, pod.uid, self.root, self.port, self.speaks, at, logs=pod.logs
            ),
        )


@dataclass(frozen=True, slots=True)
class ServiceRoutes:
    """Where HTTP requests to one port of a Service go."""

    side: ClassVar[Side] = Side.CLIENT
    root: NamespacedName
    port: int

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """Routes."""
        return (names.key(TypeUrl.ROUTE, names.outbound_service(self.root, self.port)),)

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """The routes of the Service."""
        return frozenset({Entry(Table.ROUTES, self.root)})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        return (routes.of_service(_route(world.mesh, self.root, self.port)),)


@dataclass(frozen=True, slots=True)
class HttpUpstream:
    """The pods behind one port of a Service, for HTTP: one destination of routes."""

    side: ClassVar[Side] = Side.CLIENT
    service: NamespacedName
    port: int

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A cluster, its endpoints, and whom it takes for a server."""
        return _upstream_keys(self.service, self.port, AppProtocol.HTTP)

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
        cluster = names.pod_upstream(self.pod, self.port, self.speaks)
        return (
            names.key(TypeUrl.CLUSTER, cluster),
            names.key(TypeUrl.ENDPOINT, cluster),
            names.key(TypeUrl.SECRET, names.pod_server(self.pod, self.port, self.speaks)),
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
        return _upstream_keys(self.root, self.port, AppProtocol.TCP)

    def reads(self, mesh: Mesh) -> frozenset[Entry]:
        """The routes of the Service, and the Services that they may lead to."""
        named = _route(mesh, self.root, self.port).named
        services = {Entry(Table.SERVICES, service) for service in named}
        return frozenset({Entry(Table.ROUTES, self.root), *services})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        cluster = names.upstream(self.root, self.port, AppProtocol.TCP)
        servers = names.servers(self.root, self.port, AppProtocol.TCP)
        route = _route(world.mesh, self.root, self.port)
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


def _upstream_keys(
    service: NamespacedName, port: int, speaks: AppProtocol
) -> tuple[ResourceKey, ...]:
    cluster = names.upstream(service, port, speaks)
    return (
        names.key(TypeUrl.CLUSTER, cluster),
        names.key(TypeUrl.ENDPOINT, cluster),
        names.key(TypeUrl.SECRET, names.servers(service, port, speaks)),
    )


def _outliers(mesh: Mesh, service: NamespacedName) -> OutlierDetection | None:
    found = mesh.services.get(service)
    return found.outliers if found else None


def _port(mesh: Mesh, service: NamespacedName, number: int) -> ServicePort | None:
    found = mesh.services.get(service)
    return found.port(number) if found else None


def _route(mesh: Mesh, root: NamespacedName, port: int) -> Route:
    """One port's route; what is not routed reaches the Service as it is."""
    plain = Route(root, port, AppProtocol.DETECT)
    return next((route for route in mesh.routes.get(root, ()) if route.port == port), plain)
