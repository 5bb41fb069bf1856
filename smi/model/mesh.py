"""The whole mesh."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import compress
from operator import is_, is_not
from typing import TypeVar

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.inbound import Inbound
from smi.model.outbound import Outbound, Route
from smi.model.service import Service
from smi.model.workload import PolicyGroup, Workload

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Mesh:
    """Everything that data planes are told, and that `decide` judges by.

    An entry that did not change between two meshes is the same object in both, so that a reader
    finds what changed by identity. Whoever has an identity in `trust_domain` is known by it in
    each of the `trust_domain_aliases` too. `namespaces` are those with a Service: a host that
    ends in one is a name of the mesh.
    """

    trust_domain: str
    workloads: Mapping[NamespacedName, Workload]
    services: Mapping[NamespacedName, Service]
    routes: Mapping[NamespacedName, tuple[Route, ...]]
    inbound: Mapping[PolicyGroup, Inbound]
    outbound: Mapping[ServiceIdentity, Outbound]
    trust_domain_aliases: tuple[str, ...] = ()
    namespaces: frozenset[str] = frozenset()

    @property
    def trust_domains(self) -> tuple[str, ...]:
        """Every trust domain in which identities are known, its own first."""
        return (self.trust_domain, *self.trust_domain_aliases)


def changes(old: Mapping[K, V], new: Mapping[K, V]) -> Iterator[tuple[K, V | None]]:
    """The entries of `new` that are other objects than in `old`, and `None` for those gone.

    Most tables differ from the one before in a value or two and were copied from it: the same keys
    in the same order, which is found out, and searched, without hashing any.
    """
    if old is new:
        return
    if len(old) == len(new) and all(map(is_, old, new)):
        yield from compress(new.items(), map(is_not, new.values(), old.values()))
        return
    yield from ((key, value) for key, value in new.items() if old.get(key) is not value)
    yield from ((key, None) for key in old if key not in new)
