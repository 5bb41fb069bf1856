"""What the protocols that Services declare, or keep silent about, make of their ports.

The rule itself is `services.speaks`; here stands what an author should hear of it.
"""

from collections.abc import Iterator, Mapping

from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.compiler.services import speaks, target_port
from smi.compiler.workloads import selected_pods
from smi.k8s import core_v1
from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Diagnostic
from smi.model.inbound import Rule
from smi.model.service import AppProtocol
from smi.model.workload import Workload
from smi.split import TrafficSplit

Spoken = Mapping[int, frozenset[AppProtocol]]
"""By port of a pod: what the Services that lead there say is spoken."""

# Protocols in which the server speaks first, so that a client says nothing that could tell what it
# is. Numbers are those of IANA's registry.
_SERVER_FIRST = {
    21: "FTP",  # RFC 959, 5.4: the server greets with 220
    22: "SSH",  # RFC 4253, 4.2: both say who they are, and clients may wait
    23: "Telnet",  # RFC 854: servers begin to negotiate
    25: "SMTP",  # RFC 5321, 3.1: the server opens with 220
    110: "POP3",  # RFC 1939, 4: the server issues a greeting
    119: "NNTP",  # RFC 3977, 5.1: the server presents a greeting
    143: "IMAP",  # RFC 9051, 7.1: a greeting begins the connection
    587: "SMTP",  # RFC 6409: as SMTP
    3306: "MySQL",  # the server sends the first packet of the handshake
    4190: "ManageSieve",  # RFC 5804, 1.7: the server sends its capabilities
    4222: "NATS",  # the server sends INFO; registered for VRML, and NATS's own default
    5900: "RFB",  # RFC 6143, 7.1.1: the server sends the highest version that it knows
}


def declared(read: Read, name: NamespacedName) -> Judged[None] | None:
    """What is wrong with the protocols that the ports of the Service `name` declare.

    Some of it concerns the TrafficSplits whose root it is.
    """
    written: core_v1.Service | None = read(("Service", name))
    if written is None:
        return None
    findings = Findings("Service", name)
    workloads = tuple(_workloads(read, written))
    for index, port in enumerate(written.spec.ports):
        if port.protocol == "TCP":
            field = f"spec.ports[{index}].appProtocol"
            _judge_silence(port, {target_port(port, w) for w in workloads}, field, findings)
            for workload in workloads:
                _judge_contradictions(read, port, workload, field, findings)
    return Judged(None, (*findings.judged(None).diagnostics, *_unselected(read, written)))


def _workloads(read: Read, written: core_v1.Service) -> Iterator[Workload]:
    for pod in selected_pods(read, written.key.namespace, written.spec.selector):
        workload = read(("workload", pod.key))
        if workload is not None:
            yield workload


def _judge_silence(
    port: core_v1.ServicePort, targets: set[int | None], field: str, findings: Findings
) -> None:
    numbers = (port.port, port.target_port, *sorted(filter(None, targets)))
    first = next((number for number in numbers if number in _SERVER_FIRST), None)
    if first is not None and speaks(port) is AppProtocol.DETECT:
        findings.warning(
            field,
            "ServerFirstPort",
            f"in {_SERVER_FIRST[int(first)]}, whose port {first} is, the server speaks first:"
            " undeclared, every connection waits until the detection of its protocol gives up;"
            " write `appProtocol: tcp`",
        )


def _judge_contradictions(
    read: Read, port: core_v1.ServicePort, workload: Workload, field: str, findings: Findings
) -> None:
    target, said = target_port(port, workload), speaks(port)
    for name, other in _leading_to(read, workload):
        if target_port(other, workload) == target and {said, speaks(other)} == {
            AppProtocol.HTTP,
            AppProtocol.TCP,
        }:
            findings.warning(
                field,
                "ProtocolContradicted",
                f"port {target} of the pods speaks {said} here and {speaks(other)} by port"
                f" {other.port} of Service {name}: whether HTTP routes can allow or divide anything"
                " depends on which of them is called; declare both alike",
            )


def _unselected(read: Read, written: core_v1.Service) -> Iterator[Diagnostic]:
    """Warns of splits that select requests where none is seen."""
    namespace, root = written.key
    said = {speaks(port) for port in written.spec.ports if port.protocol == "TCP"}
    for name in sorted(read(("splits of root", namespace, root)) or ()):
        split: TrafficSplit = read(("TrafficSplit", NamespacedName(namespace, name)))
        if split.spec.matches and said == {AppProtocol.TCP}:
            findings = Findings("TrafficSplit", split.key)
            findings.warning(
                "spec.matches",
                "RequestsNotSeen",
                f"every port of Service {written.key} declares bytes (tcp): there is no request to"
                " select, and all goes to the root; declare http, or leave the matches out",
            )
            yield from findings.judged(None).diagnostics


def _leading_to(
    read: Read, workload: Workload
) -> Iterator[tuple[NamespacedName, core_v1.ServicePort]]:
    """Every TCP port of a Service that selects `workload`."""
    for name in sorted(read(("services of pod", workload.name))):
        written: core_v1.Service = read(("Service", name))
        for port in written.spec.ports:
            if port.protocol == "TCP":
                yield name, port


def spoken(read: Read, kind: str, namespace: str, name: str) -> Spoken:
    """What is spoken at the ports of a destination's pods, as far as Services lead there."""
    found: dict[int, set[AppProtocol]] = {}
    for pod in read(("pods of destination", kind, namespace, name)):
        workload = read(("workload", pod))
        for _, port in _leading_to(read, workload) if workload is not None else ():
            target = target_port(port, workload)
            if target is not None:
                found.setdefault(target, set()).add(speaks(port))
    return {port: frozenset(said) for port, said in found.items()}


def unseen(rule: Rule, said: Spoken) -> tuple[Diagnostic, ...]:
    """Warns of HTTP routes for ports where no Service lets anybody see a request."""
    findings = Findings("TrafficTarget", rule.target)
    reached = {port: at for port, at in said.items() if rule.ports is None or port in rule.ports}
    if rule.http is not None and set(reached.values()) == {frozenset({AppProtocol.TCP})}:
        ports = ", ".join(map(str, sorted(reached)))
        findings.warning(
            "spec.rules",
            "RequestsNotSeen",
            f"every Service that leads to the pods' port {ports} declares bytes (tcp): no request"
            " is seen on the way, no HTTP route holds, and nothing is granted; declare http, or"
            " grant the port by a TCPRoute alone",
        )
    return findings.judged(None).diagnostics
