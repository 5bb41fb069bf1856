"""A proxy's view of what reaches its pods: who may call, on which ports, with what."""

from dataclasses import dataclass
from enum import StrEnum

from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, SpiffeId
from smi.model.match import HttpMatch
from smi.model.workload import PolicyGroup


class Mode(StrEnum):
    """How far policy binds the pods of a namespace.

    `strict` refuses what no TrafficTarget grants; `permissive` lets everybody in, with an identity
    or without; `audit` does too, and records what `strict` would say.
    """

    STRICT = "strict"
    PERMISSIVE = "permissive"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Rule:
    """One TrafficTarget as it applies to one group of pods. Rules are judged whole, then ORed.

    Over TCP and HTTP: `tcp` says whether it grants any at all; `ports` are the pods' own ports,
    `None` for all; `http` the requests, `None` for any bytes. Over UDP: `udp_ports`, `None` for
    all, empty for none. What could not be resolved grants nothing.
    """

    target: NamespacedName
    spiffe_ids: frozenset[SpiffeId]
    pods: frozenset[PodUid]
    tcp: bool
    ports: frozenset[int] | None
    http: tuple[HttpMatch, ...] | None
    udp_ports: frozenset[int] | None = frozenset()

    def opens(self, port: int) -> bool:
        """Whether it grants anything at one TCP port of the pods."""
        return self.tcp and self.http != () and (self.ports is None or port in self.ports)


@dataclass(frozen=True, slots=True)
class Inbound:
    """All that may reach one group of pods. `rules` are ordered by target name."""

    group: PolicyGroup
    mode: Mode
    rules: tuple[Rule, ...]
