"""The whole mesh."""

from collections.abc import Mapping
from dataclasses import dataclass

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.inbound import Inbound
from smi.model.outbound import Outbound, Route
from smi.model.service import Service
from smi.model.workload import PolicyGroup, Workload


@dataclass(frozen=True, slots=True)
class Mesh:
    """Everything that data planes are told, and that `decide` judges by.

    An entry that did not change between two meshes is the same object in both, so that a reader
    finds what changed by identity.
    """

    trust_domain: str
    workloads: Mapping[NamespacedName, Workload]
    services: Mapping[NamespacedName, Service]
    routes: Mapping[NamespacedName, tuple[Route, ...]]
    inbound: Mapping[PolicyGroup, Inbound]
    outbound: Mapping[ServiceIdentity, Outbound]
