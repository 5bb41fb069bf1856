"""The parts that concern those who call a pod."""

from dataclasses import dataclass
from typing import ClassVar

from google.protobuf.message import Message

from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.workload import PolicyGroup
from smi_envoy.translate import authorization, clusters, listeners, names, routes, tls
from smi_envoy.translate.parts import Entry, Side, Table, World, on_loopback
from smi_envoy.xds.resources import ResourceKey, TypeUrl


@dataclass(frozen=True, slots=True)
class Application:
    """What every pod with ports needs: its own application, and whom its doors take for a peer."""

    side: ClassVar[Side] = Side.SERVER

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A cluster and a secret."""
        return (
            names.key(TypeUrl.CLUSTER, names.APPLICATION),
            names.key(TypeUrl.SECRET, names.PEERS),
        )

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """Nothing: it is the same in every mesh."""
        return frozenset()

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        return clusters.application(), tls.validation(names.PEERS, world.trust, ())


@dataclass(frozen=True, slots=True)
class PodPort:
    """The door to one port of a pod."""

    side: ClassVar[Side] = Side.SERVER
    pod: NamespacedName
    port: int

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A listener."""
        return (names.key(TypeUrl.LISTENER, names.inbound_listener(self.pod, self.port)),)

    def reads(self, mesh: Mesh) -> frozenset[Entry]:
        """The pod, and its policy, whose mode alone the door is made of."""
        group = mesh.workloads[self.pod].group
        return frozenset({Entry(Table.WORKLOADS, self.pod), Entry(Table.INBOUND, group)})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        pod, loopback = on_loopback(world.mesh, self.pod)
        detour = loopback.detours[self.port]
        at = (pod.address, detour.inbound)
        mode = authorization.mode_of(world.mesh.inbound.get(pod.group))
        return (listeners.inbound(self.pod, pod.group, self.port, at, detour.application, mode),)


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call one port of a group of pods."""

    side: ClassVar[Side] = Side.SERVER
    group: PolicyGroup
    port: int

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """Routes for HTTP, a secret for TCP."""
        return (
            names.key(TypeUrl.ROUTE, names.inbound(self.group, self.port)),
            names.key(TypeUrl.SECRET, names.clients(self.group, self.port)),
        )

    def reads(self, _mesh: Mesh) -> frozenset[Entry]:
        """What may reach the group."""
        return frozenset({Entry(Table.INBOUND, self.group)})

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        inbound = world.mesh.inbound.get(self.group)
        rules = authorization.rules_at(inbound, self.port)
        mode = authorization.mode_of(inbound)
        clients = names.clients(self.group, self.port)
        return (
            routes.of_application(names.inbound(self.group, self.port), rules, mode),
            tls.validation(clients, world.trust, authorization.tcp_clients(rules, mode)),
        )
