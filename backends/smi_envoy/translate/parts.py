"""What proxies are configured from: parts, and which entries of the mesh each is made of.

A part names its resources by itself alone and builds them from the entries that it `reads`. Two
proxies that need the same part share its resources.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import ClassVar, NamedTuple, Protocol

from google.protobuf.message import Message

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.mesh import Mesh
from smi.model.outbound import Route
from smi.model.service import AppProtocol
from smi.model.workload import Loopback, PolicyGroup, Workload
from smi_envoy.xds.resources import ResourceKey


class Table(StrEnum):
    """The mappings of a mesh, by their names; `PODS`: the pods of each identity.

    `NAMESPACES` has one entry: those that have a Service.
    """

    WORKLOADS = "workloads"
    SERVICES = "services"
    ROUTES = "routes"
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    PODS = "pods"
    NAMESPACES = "namespaces"


class Entry(NamedTuple):
    """One entry of a mesh."""

    table: Table
    key: NamespacedName | ServiceIdentity | PolicyGroup


NAMESPACES = Entry(Table.NAMESPACES, NamespacedName("", ""))


class Side(StrEnum):
    """Whom a part concerns: those who call the pod, or the pod when it calls."""

    SERVER = "server"
    CLIENT = "client"


class World(NamedTuple):
    """What parts are built from: the mesh, the certificates (PEM) of its CAs, an index of pods."""

    mesh: Mesh
    trust: str
    pods: Mapping[ServiceIdentity, Collection[NamespacedName]]


class Part(Protocol):
    """A piece of configuration that proxies share."""

    side: ClassVar[Side]

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """What its resources are called."""
        ...

    def reads(self, mesh: Mesh) -> frozenset[Entry]:
        """The entries that its resources are made of, present or not."""
        ...

    def build(self, world: World) -> tuple[Message, ...]:
        """Its resources, in the order of `keys`."""
        ...


def pods_by_identity(mesh: Mesh) -> dict[ServiceIdentity, set[NamespacedName]]:
    """The names of the pods that run as each ServiceAccount."""
    found: dict[ServiceIdentity, set[NamespacedName]] = {}
    for name, workload in mesh.workloads.items():
        found.setdefault(workload.identity, set()).add(name)
    return found


def on_loopback(mesh: Mesh, pod: NamespacedName) -> tuple[Workload, Loopback]:
    """A pod that is on a shared loopback, and how it is reached there."""
    workload = mesh.workloads[pod]
    if workload.loopback is None:
        message = f"{pod} is not reached over the loopback"
        raise ValueError(message)
    return workload, workload.loopback


def route_of(mesh: Mesh, root: NamespacedName, port: int) -> Route:
    """One port's route; what is not routed reaches the Service as it is."""
    plain = Route(root, port, AppProtocol.DETECT)
    return next((route for route in mesh.routes.get(root, ()) if route.port == port), plain)
