"""Services: a name and ports, and the pods and addresses that stand behind them."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity

WEB_PORTS = (80, 443)
DNS_DOMAIN = "cluster.local"  # what Kubernetes resolves Services under

_OF_SERVICE = re.compile(rf"([^.]+)\.([^.]+)\.svc(?:\.{re.escape(DNS_DOMAIN)})?\.?", re.IGNORECASE)


def service_named(host: str) -> NamespacedName | None:
    """The Service that `host` is the full name of; `None` where it is not such a name."""
    found = _OF_SERVICE.fullmatch(host)
    return NamespacedName(found[2].lower(), found[1].lower()) if found else None


class AppProtocol(StrEnum):
    """What a Service's port speaks: declared, or to be detected."""

    HTTP = "http"
    TCP = "tcp"
    DETECT = "detect"


class Endpoint(NamedTuple):
    """One pod, or one address that is no pod's, to which connections to a Service's port may go.

    `pod` and `identity` are `None` for an address of no pod. Where it is `meshed`, its sidecar
    proves to be `identity` over mutual TLS; else the application itself answers, in plain.
    `target_port` is the pod's own port, which policy speaks of; `port` is where peers dial it
    (another number only on a shared loopback).
    """

    pod: NamespacedName | None
    identity: ServiceIdentity | None
    address: str
    port: int
    target_port: int
    meshed: bool = True

    @property
    def order(self) -> tuple[NamespacedName, str, int, int]:
        """What sorts endpoints: addresses of no pod come first, then pods by name."""
        return self.pod or _NO_POD, self.address, self.port, self.target_port


_NO_POD = NamespacedName("", "")


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service with the endpoints that traffic goes to, in their `order`.

    `identities` are those of all meshed pods behind the port, ready or not: whom a client may find
    here. `unmeshed` says whether anybody without a sidecar stands here too, ready or not.
    """

    number: int
    name: str
    protocol: str
    speaks: AppProtocol
    endpoints: tuple[Endpoint, ...]
    identities: frozenset[ServiceIdentity]
    unmeshed: bool = False


class OutlierDetection(NamedTuple):
    """When a client leaves a pod out: after so many `failures` in a row, for `ejection_ms`.

    Who is to be left out is decided, and who may come back, every `interval_ms`; never more than
    `most_percent` of the pods.
    """

    failures: int
    interval_ms: int
    ejection_ms: int
    most_percent: int


@dataclass(frozen=True, slots=True)
class Service:
    """A Kubernetes Service: a name, and for each of its ports the pods that answer there.

    `external_name` is the host that one of type ExternalName stands for, empty for all others.
    Clients never leave a pod out where `outliers` says nothing.
    """

    name: NamespacedName
    ports: tuple[ServicePort, ...]
    external_name: str = ""
    outliers: OutlierDetection | None = None

    @property
    def external_ports(self) -> tuple[int, ...]:
        """Where one that stands for an external name answers: on the web's ports, if it says none.

        In a cluster it needs to declare no port, since its name is all that it is.
        """
        return tuple(p.number for p in self.ports if p.protocol == "TCP") or WEB_PORTS

    def port(self, number: int) -> ServicePort | None:
        """The port of that number over TCP, or `None`."""
        return next((p for p in self.ports if p.number == number and p.protocol == "TCP"), None)
