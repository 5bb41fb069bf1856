"""Services with the pods and addresses behind each of their ports."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from smi.compiler import addresses
from smi.compiler.addresses import Address
from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.compiler.outlier_detection import outlier_detection
from smi.compiler.state import EXTERNAL_NAME
from smi.compiler.workloads import is_leaving, selected_pods, selects
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.inbound import Mode
from smi.model.service import AppProtocol, Endpoint, Service, ServicePort
from smi.model.workload import Workload

_HTTP = {"http", "http2", "h2c", "grpc", "kubernetes.io/h2c", "kubernetes.io/ws"}
_TCP = {"tcp", "tls", "https", "kubernetes.io/wss", "mongo", "mysql", "redis"}


class _Behind(NamedTuple):
    """Who is behind a port: as whom (`None`: no sidecar), and where (`None`: takes no traffic)."""

    identity: ServiceIdentity | None
    endpoint: Endpoint | None


def service(read: Read, name: NamespacedName) -> Judged[Service] | None:
    """The Service `name`, where its traffic goes and all identities behind each port."""
    written: core_v1.Service | None = read(("Service", name))
    if written is None:
        return None
    findings = Findings("Service", name)
    external = written.spec.type == EXTERNAL_NAME
    if addresses.has_lists(written):
        listed = addresses.listed(read, name)
        behind = [_listed(read, port, listed) for port in written.spec.ports]
    else:
        pods = selected_pods(read, name.namespace, {} if external else written.spec.selector)
        found = [(pod, w) for pod in pods if (w := read(("workload", pod.key))) is not None]
        workloads, takers = [w for _, w in found], _takers(written, found)
        behind = [
            _selected(port, f"spec.ports[{index}]", workloads, takers, findings)
            for index, port in enumerate(written.spec.ports)
        ]
    ports = [_port(port, tuple(b)) for port, b in zip(written.spec.ports, behind, strict=True)]
    return findings.judged(
        Service(
            name,
            tuple(sorted(ports, key=lambda p: (p.number, p.protocol))),
            external_name=written.spec.external_name if external else "",
            outliers=outlier_detection(written, findings),
        )
    )


def _port(port: core_v1.ServicePort, behind: tuple[_Behind, ...]) -> ServicePort:
    endpoints = {one.endpoint for one in behind if one.endpoint is not None}
    return ServicePort(
        number=port.port,
        name=port.name or "",
        protocol=port.protocol,
        speaks=speaks(port),
        endpoints=tuple(sorted(endpoints, key=lambda endpoint: endpoint.order)),
        identities=frozenset(one.identity for one in behind if one.identity is not None),
        unmeshed=any(one.identity is None for one in behind),
    )


def _takers(
    service: core_v1.Service, found: Iterable[tuple[core_v1.Pod, Workload]]
) -> frozenset[NamespacedName]:
    """Of the pods that `service` selects, those that new connections go to.

    The ready ones; where there is none, those that still serve on their way out.
    """
    if service.spec.publish_not_ready_addresses:
        return frozenset(workload.name for _, workload in found if workload.address)
    ready = frozenset(workload.name for _, workload in found if workload.ready)
    return ready or frozenset(workload.name for pod, workload in found if is_leaving(pod))


def _selected(
    port: core_v1.ServicePort,
    field: str,
    workloads: Iterable[Workload],
    takers: frozenset[NamespacedName],
    findings: Findings,
) -> Iterator[_Behind]:
    """The pods that a Service selects, behind one of its ports."""
    for workload in workloads:
        target = target_port(port, workload)
        if target is None:
            findings.warning(
                f"{field}.targetPort",
                "PortNotFound",
                f"pod {workload.name.name} has no port named {port.target_port!r};"
                " it gets no traffic here",
            )
            continue
        yield _pod(workload, workload.address, target, takes=workload.name in takers)


def _listed(read: Read, port: core_v1.ServicePort, listed: Iterable[Address]) -> Iterator[_Behind]:
    """The addresses that are listed for one port: those of pods are these pods, as ever."""
    named = [a for a in listed if (a.port_name, a.protocol) == (port.name, port.protocol)]
    nobody_is_ready = not any(address.ready for address in named)
    for address in named:
        takes = address.ready or (nobody_is_ready and address.leaving)
        pod = addresses.pod_at(read, address.address, address.port)
        if pod is not None:
            yield _pod(pod, address.address, address.port, takes=takes)
            continue
        endpoint = Endpoint(None, None, address.address, address.port, address.port, meshed=False)
        yield _Behind(None, endpoint if takes else None)


def _pod(workload: Workload, address: str, target: int, *, takes: bool) -> _Behind:
    """`workload` behind a port that leads to its own port `target`, if it `takes` traffic there."""
    dialled = workload.dialled(target)
    identity = workload.identity if workload.meshed else None
    if not takes or dialled is None:
        return _Behind(identity, None)
    name, meshed = workload.name, workload.meshed
    return _Behind(identity, Endpoint(name, workload.identity, address, dialled, target, meshed))


def stands_open(read: Read, name: NamespacedName) -> bool:
    """Whether somebody who lets everybody in is behind the Service `name`.

    Has no sidecar, or is of another namespace that is not strict; of the own one is looked after
    elsewhere.
    """
    judged: Judged[Service] | None = read(("service", name))
    ports = () if judged is None else judged.value.ports
    others = {i.namespace for port in ports for i in port.identities} - {name.namespace}
    # The pods of a headless one are called by name, at ports that need not be its own.
    named: list[Workload] = [read(("workload", n.pod)) for n in read(("named pods", name))]
    return (
        any(port.unmeshed for port in ports)
        or any(not pod.meshed for pod in named)
        or any(read(("mode", namespace)) is not Mode.STRICT for namespace in sorted(others))
    )


def target_port(port: core_v1.ServicePort, workload: Workload) -> int | None:
    """The port of `workload` that `port` leads to; `None` if it names one that is not there."""
    match port.target_port:
        case None:
            return port.port
        case int(number):
            return number
        case name:
            here = (p for p in workload.ports if (p.name, p.protocol) == (name, port.protocol))
            return next((p.number for p in here), None)


def speaks(port: core_v1.ServicePort) -> AppProtocol:
    """What `port` is declared to speak: by `appProtocol`, else by its name, up to the first `-`.

    An `appProtocol` that says nothing here is that of something else than HTTP.
    """
    declared = (port.app_protocol or port.name).lower().partition("-")[0]
    if declared in _HTTP:
        return AppProtocol.HTTP
    if declared in _TCP or port.app_protocol:
        return AppProtocol.TCP
    return AppProtocol.DETECT


def services_of_pod(read: Read, pod: NamespacedName) -> frozenset[NamespacedName]:
    """The Services that select `pod`."""
    written: core_v1.Pod | None = read(("Pod", pod))
    if written is None:
        return frozenset()
    return frozenset(_selecting(read, written))


def _selecting(read: Read, pod: core_v1.Pod) -> Iterator[NamespacedName]:
    labels = pod.metadata.labels
    for label, value in labels.items():
        for name in read(("services by label", pod.key.namespace, label, value)) or ():
            key = NamespacedName(pod.key.namespace, name)
            written: core_v1.Service = read(("Service", key))
            if selects(written.spec.selector, labels):
                yield key


def target_ports_of_pod(read: Read, pod: NamespacedName) -> dict[int, frozenset[int]]:
    """Which ports of `pod` each port number of its Services leads to, and each own port to itself.

    A number that is both is the pod's own: policy speaks of the port that the pod sees.
    """
    workload: Workload | None = read(("workload", pod))
    if workload is None:
        return {}
    own = {port.number for port in workload.ports}
    through: dict[int, set[int]] = {}
    for name in sorted(read(("services of pod", pod))):
        written: core_v1.Service = read(("Service", name))
        for port in written.spec.ports:
            target = target_port(port, workload)
            if target is not None:
                own.add(target)
                through.setdefault(port.port, set()).add(target)
    leads = {number: frozenset(targets) for number, targets in through.items()}
    return leads | {number: frozenset({number}) for number in own}
