"""The addresses behind a Service without selector: what EndpointSlices and Endpoints list.

Whose an address is says the mesh, never who lists it. A Service with a selector has none of these:
in a cluster its slices are a copy of what its pods say, made a moment later.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.k8s import core_v1, discovery_v1
from smi.k8s.resource import NamespacedName
from smi.model.workload import Workload

_SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"

List = discovery_v1.EndpointSlice | core_v1.Endpoints
"""An object that lists addresses."""


class Address(NamedTuple):
    """An address behind the ports of one name and protocol of a Service.

    New connections go to those that are `ready`; where there is none, to those that are `leaving`.
    """

    port_name: str
    protocol: str
    address: str
    port: int
    ready: bool
    leaving: bool = False


def service_of(written: List) -> NamespacedName | None:
    """The Service whose addresses `written` lists, always of its own namespace."""
    labels = written.metadata.labels
    if isinstance(written, core_v1.Endpoints):
        # Without copies in EndpointSlices no kube-proxy has ever heard of them.
        return None if labels.get(_SKIP_MIRROR) == "true" else written.key
    name = labels.get(discovery_v1.SERVICE_LABEL)
    return NamespacedName(written.key.namespace, name) if name else None


def addresses_of(written: List) -> Iterator[Address]:
    """All that `written` lists, but for what is no address."""
    if isinstance(written, core_v1.Endpoints):
        yield from _of_endpoints(written)
    elif written.address_type != "FQDN":
        yield from _of_slice(written)


def _of_endpoints(written: core_v1.Endpoints) -> Iterator[Address]:
    for subset in written.subsets:
        for ready, found in ((True, subset.addresses), (False, subset.not_ready_addresses)):
            for address in filter(None, (canonical(one.ip) for one in found)):
                for port in subset.ports:
                    yield Address(port.name, port.protocol, address, port.port, ready)


def _of_slice(written: discovery_v1.EndpointSlice) -> Iterator[Address]:
    for endpoint in written.endpoints:
        address = canonical(endpoint.addresses[0]) if endpoint.addresses else None
        ready, leaving = endpoint.conditions.is_ready, endpoint.conditions.is_leaving
        for port in written.ports:
            if address is not None and port.port is not None:
                yield Address(port.name, port.protocol, address, port.port, ready, leaving)


def canonical(text: str) -> str | None:
    """The one way in which the IP address `text` is written; `None` if it is none to dial.

    As for the Kubernetes API: no link-local, multicast or unspecified address. A loopback address
    it refuses too; here it is this machine's.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    scoped = isinstance(address, IPv6Address) and address.scope_id is not None
    refused = address.is_link_local or address.is_multicast or address.is_unspecified
    return None if scoped or refused or address == IPv4Address("255.255.255.255") else str(address)


def listed(read: Read, service: NamespacedName) -> tuple[Address, ...]:
    """Every address that objects of its namespace list behind `service`."""
    slices = sorted(read(("slices of service", *service)) or ())
    written: list[List | None] = [
        read(("EndpointSlice", NamespacedName(service.namespace, name))) for name in slices
    ]
    written.append(read(("Endpoints", service)))
    found = (a for one in written if one and service_of(one) == service for a in addresses_of(one))
    return tuple(sorted(set(found)))


def pod_at(read: Read, address: str, port: int) -> Workload | None:
    """The pod that has `address`; of several that share it, one that declares `port`."""
    names = (NamespacedName(*pod.split("/")) for pod in read(("pods at address", address)) or ())
    pods: list[Workload] = [w for name in sorted(names) if (w := read(("workload", name)))]
    declaring = [pod for pod in pods if any(own.number == port for own in pod.ports)]
    return next(iter(declaring or pods), None)


def services_listing_pod(read: Read, pod: NamespacedName) -> frozenset[NamespacedName]:
    """The Services without selector that list an address of `pod`, of whatever namespace."""
    written: core_v1.Pod | None = read(("Pod", pod))
    found: set[NamespacedName] = set()
    for address in pod_addresses(written) if written else ():
        for kind, name in _lists_of(read, address):
            service = service_of(read((kind, name)))
            if service and read(("service without selector", service)):
                found.add(service)
    return frozenset(found)


def _lists_of(read: Read, address: str) -> Iterator[tuple[str, NamespacedName]]:
    for member in read(("lists of address", address)) or ():
        kind, namespace, name = member.split("/")
        yield kind, NamespacedName(namespace, name)


def service_without_selector(read: Read, name: NamespacedName) -> bool:
    """Whether what slices list stands behind the Service `name`."""
    service: core_v1.Service | None = read(("Service", name))
    return service is not None and has_lists(service)


def has_lists(service: core_v1.Service) -> bool:
    """Whether the addresses behind `service` are what slices list, and not its pods."""
    return not service.spec.selector and service.spec.type != "ExternalName"


def pod_addresses(pod: core_v1.Pod) -> set[str]:
    """All addresses of `pod`."""
    written = (pod.status.pod_ip, *(one.ip for one in pod.status.pod_ips))
    return set(filter(None, map(canonical, filter(None, written))))


def endpoint_slice(read: Read, name: NamespacedName) -> Judged[None] | None:
    """What is wrong with the EndpointSlice `name`."""
    written: discovery_v1.EndpointSlice | None = read(("EndpointSlice", name))
    if written is None:
        return None
    findings = Findings("EndpointSlice", name)
    service = service_of(written)
    if service is None:
        findings.warning(
            "metadata.labels",
            "ServiceNotNamed",
            f"belongs to no Service: the label {discovery_v1.SERVICE_LABEL} names it",
        )
    elif not read(("service without selector", service)):
        return findings.judged(None)
    if written.address_type == "FQDN":
        findings.warning(
            "addressType",
            "NamesNotDialled",
            "no proxy dials host names of a slice, nor does Kubernetes: list addresses,"
            " or make it a Service of type ExternalName",
        )
        return findings.judged(None)
    for index, endpoint in enumerate(written.endpoints):
        for place, address in enumerate(endpoint.addresses[:1]):
            if canonical(address) is None:
                _refuse(f"endpoints[{index}].addresses[{place}]", address, findings)
    return findings.judged(None)


def endpoints(read: Read, name: NamespacedName) -> Judged[None] | None:
    """What is wrong with the Endpoints `name`."""
    written: core_v1.Endpoints | None = read(("Endpoints", name))
    if written is None:
        return None
    findings = Findings("Endpoints", name)
    for index, subset in enumerate(written.subsets):
        every = {"addresses": subset.addresses, "notReadyAddresses": subset.not_ready_addresses}
        for kind, found in every.items():
            for place, address in enumerate(found):
                if canonical(address.ip) is None:
                    _refuse(f"subsets[{index}].{kind}[{place}].ip", address.ip, findings)
    return findings.judged(None)


def _refuse(field: str, address: str, findings: Findings) -> None:
    findings.error(
        field, "NoAddress", f"{address!r} is no IP address that can be dialled; it is left out"
    )
