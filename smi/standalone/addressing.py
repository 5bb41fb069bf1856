"""Who listens where on a machine whose pods share one loopback.

Each pod has an address of its own, on which only its sidecar listens: as an HTTP proxy, for each
port of each Service, and for each port of the pod. Applications listen on 127.0.0.1, or on all
addresses; so no number that a sidecar listens on is ever an application's. The application of a
pod without a sidecar listens on the pod's address itself.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from smi.compiler.workloads import is_meshed, selects
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName
from smi.model.workload import Detour, Port

# Below Linux's ephemeral ports (32768 onwards, ip(7)), so that no outgoing connection takes one.
PROXY_PORT = 15001
_SERVICE_PORTS = range(16000, 20000)
_APPLICATION_PORTS = range(20000, 30000)
_RESERVED = range(15000, 30000)
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - an application may listen there
_FIRST_UNPRIVILEGED = 1024  # ports below need root (capabilities(7), CAP_NET_BIND_SERVICE)
HOSTS = range(1, 255)

LOCALHOST = "127.0.0.1"
"""Where applications listen that have a sidecar: on all addresses, the network could reach them."""


class Place(NamedTuple):
    """Where something is dialled."""

    address: str
    port: int


ServicePorts = Mapping[tuple[NamespacedName, int], int]


@dataclass(frozen=True, slots=True)
class Machine:
    """What one run has to itself: a /24 of the loopback (`127.81.4`), a salt for its pods' uids.

    `is_free` says whether nobody else listens on an address and port, or on all addresses there.
    """

    network: str
    salt: UUID
    is_free: Callable[[str, int], bool]


def service_ports(
    services: Iterable[core_v1.Service], machine: Machine, previous: ServicePorts
) -> ServicePorts:
    """The number, the same on every pod's address, that stands for each TCP port of `services`."""
    wanted = {(s.key, p.port) for s in services for p in s.spec.ports if p.protocol == "TCP"}
    kept = {key: previous[key] for key in wanted & previous.keys()}
    taken = set(kept.values())
    free = (n for n in _SERVICE_PORTS if n not in taken and machine.is_free(_EVERYWHERE, n))
    return {key: kept[key] if key in kept else next(free) for key in sorted(wanted)}


def addresses(
    pods: Collection[NamespacedName], network: str, previous: Mapping[NamespacedName, str]
) -> dict[NamespacedName, str]:
    """An address for each of `pods`: the one it had, or one that nobody had.

    A machine that is nearly full hands on the address of a pod that leaves.
    """
    taken = set(previous.values())
    fresh = (address for host in HOSTS if (address := f"{network}.{host}") not in taken)
    leaving = (address for name, address in previous.items() if name not in pods)
    return {name: previous.get(name) or next(fresh, None) or next(leaving) for name in pods}


def detours(
    pods: Mapping[str, core_v1.Pod],
    services: Sequence[core_v1.Service],
    machine: Machine,
    previous: Mapping[NamespacedName, Mapping[int, Detour]],
) -> dict[NamespacedName, dict[int, Detour]]:
    """Where each port of each of `pods` (by address) is; no two share an application port."""
    taken = {detour.application for own in previous.values() for detour in own.values()}
    # Runs in other networks start their search elsewhere.
    start = int.from_bytes(sha256(machine.network.encode()).digest()[:4]) % len(_APPLICATION_PORTS)
    order = (*_APPLICATION_PORTS[start:], *_APPLICATION_PORTS[:start])
    free = (n for n in order if n not in taken and machine.is_free(_EVERYWHERE, n))
    chosen: dict[NamespacedName, dict[int, Detour]] = {}
    for address, pod in pods.items():
        own, wanted = previous.get(pod.key, {}), _pod_ports(pod, services)
        places = {port: own[port].inbound for port in wanted if port in own}
        for port in wanted:
            if port not in places:
                busy = set(places.values())
                places[port] = next(
                    n for n in _inbound(port) if n not in busy and machine.is_free(address, n)
                )
        chosen[pod.key] = {port: _detour(pod, places[port], own.get(port), free) for port in wanted}
    return chosen


def _detour(pod: core_v1.Pod, inbound: int, had: Detour | None, free: Iterator[int]) -> Detour:
    """Without a sidecar there is nothing in between; with one, the application is elsewhere."""
    if not is_meshed(pod):
        return Detour(inbound, inbound)
    if had is not None and had.application != had.inbound:
        return had
    return Detour(inbound, next(free))


def direct_places(
    services: Iterable[core_v1.Service],
    pods: Mapping[str, core_v1.Pod],
    places: Mapping[NamespacedName, Mapping[int, Detour]],
) -> dict[tuple[NamespacedName, int], Place]:
    """Where who has no sidecar dials the TCP ports of `services`, given the `places` of `pods`.

    In a cluster that is the Service's own address, and kube-proxy leads on from there to any of its
    pods. Here nobody does: it is the first of them by name.
    """
    found: dict[tuple[NamespacedName, int], Place] = {}
    for service in services:
        behind = [(pod.key, address) for address, pod in pods.items() if is_behind(service, pod)]
        for name, address in sorted(behind)[:1]:
            for port in service.spec.ports:
                target = _target(port, pods[address])
                if port.protocol == "TCP" and target in places[name]:
                    found[service.key, port.port] = Place(address, places[name][target].inbound)
    return found


def _target(port: core_v1.ServicePort, pod: core_v1.Pod) -> int:
    if isinstance(port.target_port, str):
        named = (p for p in declared_ports(pod.spec.containers) if p.name == port.target_port)
        return next((p.number for p in named if p.protocol == port.protocol), 0)
    return port.target_port or port.port


def is_behind(service: core_v1.Service, pod: core_v1.Pod) -> bool:
    """Whether `service` selects `pod`."""
    selector = service.spec.selector
    here = service.key.namespace == pod.key.namespace
    return here and bool(selector) and selects(selector, pod.metadata.labels)


def declared_ports(containers: Iterable[core_v1.Container]) -> Iterator[Port]:
    """The ports that `containers` declare, in their order."""
    for container in containers:
        for port in container.ports:
            yield Port(port.container_port, port.name, port.protocol)


def _pod_ports(pod: core_v1.Pod, services: Iterable[core_v1.Service]) -> list[int]:
    """The TCP ports that the pod declares, in its order, and those that Services reach it on."""
    declared = [p.number for p in declared_ports(pod.spec.containers) if p.protocol == "TCP"]
    reached = sorted(
        port.port if port.target_port is None else port.target_port
        for service in services
        if is_behind(service, pod)
        for port in service.spec.ports
        if port.protocol == "TCP" and not isinstance(port.target_port, str)
    )
    return list(dict.fromkeys(declared + reached))


def _inbound(port: int) -> Iterator[int]:
    """Numbers at which a sidecar may listen for `port`, best first: the same one if it can be."""
    if port < _FIRST_UNPRIVILEGED:
        first = 40000 + port
    elif port in _RESERVED:
        first = 30000 + port
    else:
        first = port
    yield from (number for number in range(first, 65536) if number not in _RESERVED)
    yield from range(40000, first)
