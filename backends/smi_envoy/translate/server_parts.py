"""The parts that concern those who call a pod."""

from dataclasses import dataclass
from typing import ClassVar

from google.protobuf.message import Message

from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity, service_identity
from smi.model.mesh import Mesh
from smi_envoy.translate import authorization, clusters, listeners, names, routes, tls
from smi_envoy.translate.chains import Admission
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
    """The door to one port of a pod, and who may open TCP connections through it."""

    side: ClassVar[Side] = Side.SERVER
    pod: NamespacedName
    port: int

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """A listener."""
        return (names.key(TypeUrl.LISTENER, names.inbound(self.pod, self.port)),)

    def reads(self, mesh: Mesh) -> frozenset[Entry]:
        """The pod, what may reach it, and the pods of the identities that may over TCP."""
        identities, _ = _tcp_clients(mesh, self.pod, self.port)
        pods = {Entry(Table.PODS, identity) for identity in identities}
        return _policy_of(mesh, self.pod) | pods

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        pod, loopback = on_loopback(world.mesh, self.pod)
        detour = loopback.detours[self.port]
        at = (pod.address, detour.inbound)
        identities, uids = _tcp_clients(world.mesh, self.pod, self.port)
        names_of = (world.pods.get(identity, ()) for identity in identities)
        clients = {*uids, *(world.mesh.workloads[name].uid for of in names_of for name in of)}
        mode = authorization.mode_of(world.mesh.inbound.get(pod.group))
        admission = Admission(frozenset(clients), mode)
        own = detour.application
        return (listeners.inbound(self.pod, self.port, at, own, admission, logs=pod.logs),)


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may send which requests to one port of a pod."""

    side: ClassVar[Side] = Side.SERVER
    pod: NamespacedName
    port: int

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """Routes."""
        return (names.key(TypeUrl.ROUTE, names.inbound(self.pod, self.port)),)

    def reads(self, mesh: Mesh) -> frozenset[Entry]:
        """The pod, and what may reach it."""
        return _policy_of(mesh, self.pod)

    def build(self, world: World) -> tuple[Message, ...]:
        """In the order of `keys`."""
        inbound = world.mesh.inbound.get(world.mesh.workloads[self.pod].group)
        return (routes.of_application(names.inbound(self.pod, self.port), inbound, self.port),)


def _policy_of(mesh: Mesh, pod: NamespacedName) -> frozenset[Entry]:
    group = mesh.workloads[pod].group
    return frozenset({Entry(Table.WORKLOADS, pod), Entry(Table.INBOUND, group)})


def _tcp_clients(
    mesh: Mesh, pod: NamespacedName, port: int
) -> tuple[set[ServiceIdentity], frozenset[PodUid]]:
    rules = authorization.rules_at(mesh.inbound.get(mesh.workloads[pod].group), port)
    spiffe_ids, uids = authorization.tcp_clients(rules)
    found = (service_identity(mesh.trust_domain, spiffe_id) for spiffe_id in spiffe_ids)
    return {identity for identity in found if identity}, uids
