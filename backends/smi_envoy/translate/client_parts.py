"""The parts that concern a pod when it calls."""

from dataclasses import dataclass
from typing import ClassVar

from google.protobuf.message import Message

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.mesh import Mesh
from smi.model.service import AppProtocol
from smi_envoy.translate import (
    clusters,
    forwarding,
    hosts,
    listeners,
    names,
    routes,
)
from smi_envoy.translate.parts import NAMESPACES, Entry, Side, Table, World, on_loopback, route_of
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
        return (routes.of_service(route_of(world.mesh, self.root, self.port)),)
