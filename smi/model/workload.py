"""The pods of the mesh: what runs, as whom, and how traffic reaches it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity


class PolicyGroup(NamedTuple):
    """Pods that the same TrafficTargets protect.

    They share a ServiceAccount and the label-selecting IdentityBindings (by name) of its namespace.
    """

    identity: ServiceIdentity
    bindings: tuple[str, ...] = ()


class Port(NamedTuple):
    """A port that a container declares."""

    number: int
    name: str = ""
    protocol: str = "TCP"


class Detour(NamedTuple):
    """Where one port of a pod really is on a machine whose processes share the loopback.

    Peers dial the sidecar at `inbound` on the pod's address; the application listens on
    `application` of 127.0.0.1. Without a sidecar both are the one port of the pod's address on
    which the application itself is.
    """

    inbound: int
    application: int


@dataclass(frozen=True, slots=True)
class Loopback:
    """How a pod without a network of its own is reached; `None` in its place means redirection.

    `detours` maps the pod's own ports. `proxy` is the port of the pod's address on which its
    sidecar is an HTTP proxy. `services` gives the port of the pod's address on which its sidecar
    stands for one port of a Service. Without a sidecar nobody listens on either.
    """

    detours: Mapping[int, Detour]
    proxy: int
    services: Mapping[tuple[NamespacedName, int], int]


@dataclass(frozen=True, slots=True)
class Workload:
    """One pod. `address` is the pod IP; `owner` names what created it, as `Deployment/front`.

    `account_uid` is the uid of the ServiceAccount object; empty where there is none. `logs` says
    whether its sidecar writes a line for every request. A pod that is not `meshed` has no sidecar:
    it shows no certificate, and no policy binds it.
    """

    name: NamespacedName
    uid: PodUid
    owner: str
    group: PolicyGroup
    address: str
    ports: tuple[Port, ...]
    ready: bool
    loopback: Loopback | None = None
    account_uid: str = ""
    logs: bool = False
    meshed: bool = True

    @property
    def identity(self) -> ServiceIdentity:
        """The ServiceAccount that the pod runs as."""
        return self.group.identity

    def dialled(self, port: int) -> int | None:
        """Where peers dial the pod's own `port`; `None` where nothing leads there."""
        if self.loopback is None:
            return port
        detour = self.loopback.detours.get(port)
        return None if detour is None else detour.inbound
