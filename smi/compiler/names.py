"""What names other than a Service's own mean: pods by hostname and address, ExternalName."""

from itertools import islice
from typing import Final

from smi.compiler.findings import Judged
from smi.compiler.memo import Read
from smi.compiler.services import target_port
from smi.compiler.state import EXTERNAL_NAME, HEADLESS
from smi.compiler.workloads import selected_pods
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName
from smi.model.outbound import Alias, ExternalService, NamedPod
from smi.model.service import Service, service_named
from smi.model.workload import Workload

MOST_EXTERNAL_NAMES: Final = 500
"""How many Services of type ExternalName every client knows, the first by name."""

_MOST_ALIASES: Final = 8  # one after another; a circle has no end


def named_pods(read: Read, service: NamespacedName) -> tuple[NamedPod, ...]:
    """The pods of the headless Service `service` that have an address; none of any other."""
    written: core_v1.Service | None = read(("Service", service))
    if written is None or written.spec.cluster_ip != HEADLESS:
        return ()
    pods = selected_pods(read, service.namespace, written.spec.selector)
    found = ((pod, read(("workload", pod.key))) for pod in pods)
    return tuple(
        _named(written, pod, workload) for pod, workload in found if workload and workload.address
    )


def _named(service: core_v1.Service, pod: core_v1.Pod, workload: Workload) -> NamedPod:
    # > when a Pod has hostname set to "busybox-1" and subdomain set to "busybox-subdomain", [...]
    # > the pod will see its own FQDN as "busybox-1.busybox-subdomain.my-namespace.svc[...]"
    # > (Kubernetes, DNS for Services and Pods)
    is_named = pod.spec.subdomain == service.metadata.name
    return NamedPod(
        service=service.key,
        pod=pod.key,
        hostname=pod.spec.hostname if is_named else "",
        address=workload.address,
        ports=tuple(sorted(_ports(service, workload))),
        ready=workload.ready or service.spec.publish_not_ready_addresses,
    )


def _ports(service: core_v1.Service, workload: Workload) -> set[int]:
    """The pod's own ports over TCP: those it declares, and those that the Service leads to."""
    if workload.loopback is not None:
        return set(workload.loopback.detours)
    own = {port.number for port in workload.ports if port.protocol == "TCP"}
    led = {target_port(port, workload) for port in service.spec.ports if port.protocol == "TCP"}
    return own | {port for port in led if port is not None}


def external_name(read: Read, service: NamespacedName) -> Alias | ExternalService | None:
    """What the ExternalName Service `service` stands for; `None` for a name that means nothing.

    It is an alias where it leads, by way of other ExternalName Services or at once, to a Service.
    """
    name = service
    for _ in range(_MOST_ALIASES):
        written: core_v1.Service | None = read(("Service", name))
        if written is None:
            return None
        if written.spec.type != EXTERNAL_NAME:
            return Alias(service, name)
        host = written.spec.external_name
        next_name = service_named(host)
        if next_name is None:
            own: Judged[Service] = read(("service", service))
            return ExternalService(service, host, own.value.external_ports) if host else None
        name = next_name
    return None


def external_names(read: Read) -> tuple[Alias | ExternalService, ...]:
    """What ExternalName Services stand for, which every client knows, ordered by Service."""
    known = sorted(NamespacedName(*name.split("/")) for name in read(("external services",)) or ())
    found = (read(("external name", service)) for service in islice(known, MOST_EXTERNAL_NAMES))
    return tuple(meaning for meaning in found if meaning is not None)
