"""A proxy's view of what its pods may send, and where it goes."""

from dataclasses import dataclass
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.match import HttpMatch
from smi.model.service import AppProtocol


class WeightedService(NamedTuple):
    """A Service at the root's port, with its relative weight (> 0)."""

    service: NamespacedName
    weight: int


class Excluded(NamedTuple):
    """A backend that gets none of this port's traffic, and the CamelCase reason."""

    service: NamespacedName
    reason: str


@dataclass(frozen=True, slots=True)
class Split:
    """One TrafficSplit at one port of its root.

    `matches` selects requests, `None` for all. `destinations` share by weight over their sum; when
    there is none, a request of this split fails as unavailable. `idle` are the backends of weight
    0 that could be destinations.
    """

    name: NamespacedName
    matches: tuple[HttpMatch, ...] | None
    destinations: tuple[WeightedService, ...]
    excluded: tuple[Excluded, ...] = ()
    idle: tuple[NamespacedName, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One port of a Service as its clients see it.

    The first split that selects a request decides where it goes; otherwise the root Service
    itself receives it.
    """

    root: NamespacedName
    port: int
    speaks: AppProtocol
    splits: tuple[Split, ...] = ()

    @property
    def services(self) -> frozenset[NamespacedName]:
        """Every Service that this route may send to."""
        return frozenset({self.root}).union(
            *(frozenset(d.service for d in split.destinations) for split in self.splits)
        )

    @property
    def named(self) -> frozenset[NamespacedName]:
        """`services`, and those that are none only by their weight or for want of pods."""
        return self.services.union(
            *(split.idle for split in self.splits),
            *(frozenset(e.service for e in split.excluded) for split in self.splits),
        )


class NamedPod(NamedTuple):
    """A pod of a headless Service, which clients name by itself, past every split.

    Its names are `<hostname>.<service>` (none where `hostname` is empty) and its `address`. `ports`
    are the pod's own, over TCP. One that is not `ready` answers nobody.
    """

    service: NamespacedName
    pod: NamespacedName
    hostname: str
    address: str
    ports: tuple[int, ...]
    ready: bool


class Alias(NamedTuple):
    """A Service of type ExternalName that is another name of the Service `target`."""

    service: NamespacedName
    target: NamespacedName


class ExternalService(NamedTuple):
    """A Service of type ExternalName that stands for `host`, outside the mesh, at `ports`."""

    service: NamespacedName
    host: str
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outbound:
    """What pods of one identity may name; `routes` are ordered by root and port.

    `pods` are ordered by Service and pod, `aliases` and `external` by Service. `subdomains` are the
    headless Services of the identity's own namespace, `web-0.web` a name of the mesh for each, be
    it known to these clients or not.
    """

    identity: ServiceIdentity
    routes: tuple[Route, ...]
    pods: tuple[NamedPod, ...] = ()
    aliases: tuple[Alias, ...] = ()
    external: tuple[ExternalService, ...] = ()
    subdomains: frozenset[str] = frozenset()
