"""Who may call which pods: the TrafficTargets that open them, with the pods' own ports."""

from collections.abc import Iterator

from smi.compiler import protocols
from smi.compiler.findings import Findings, Judged
from smi.compiler.grants import Grant
from smi.compiler.memo import Read
from smi.k8s.resource import NamespacedName
from smi.model.diagnostic import Diagnostic
from smi.model.identity import spiffe_id
from smi.model.inbound import Inbound, Rule
from smi.model.workload import PolicyGroup


def inbound(read: Read, group: PolicyGroup) -> Judged[Inbound]:
    """Everything that may reach the pods of `group`."""
    rules: list[Rule] = []
    diagnostics: list[Diagnostic] = []
    for name in sorted(set(_targets(read, group))):
        judged: Judged[Grant | None] = read(("grant", name))
        if judged.value is not None:
            destination = read(("TrafficTarget", name)).spec.destination
            leads = read(("target ports", destination.kind, name.namespace, destination.name))
            rules.append(_rule(judged.value, leads))
            diagnostics += _moved_ports(judged.value, leads)
            said = read(("spoken", destination.kind, name.namespace, destination.name))
            diagnostics += protocols.unseen(rules[-1], said)
    mode = read(("mode", group.identity.namespace))
    return Judged(Inbound(group, mode, tuple(rules)), tuple(diagnostics))


def _moved_ports(granted: Grant, leads: dict[int, frozenset[int]]) -> tuple[Diagnostic, ...]:
    findings = Findings("TrafficTarget", granted.target)
    written = {(port, "spec.rules") for port in granted.ports or ()}
    written |= {(port, "spec.rules") for port in granted.udp_ports or ()}
    if granted.destination_port is not None:
        written.add((granted.destination_port, "spec.destination.port"))
    for port, field in sorted(written):
        targets = leads.get(port, frozenset({port}))
        if targets != {port}:
            findings.info(
                field,
                "ServicePortMeant",
                f"port {port} is a Service's port, not one of the destination's pods: read as"
                f" its targetPort {', '.join(map(str, sorted(targets)))}",
            )
    return findings.judged(None).diagnostics


def _targets(read: Read, group: PolicyGroup) -> Iterator[NamespacedName]:
    """The TrafficTargets whose destination is this ServiceAccount or one of its bindings."""
    namespace = group.identity.namespace
    destinations = [("ServiceAccount", group.identity.name)]
    destinations += [("IdentityBinding", name) for name in _memberships(read, group)]
    for kind, name in destinations:
        for target in read(("targets of destination", kind, namespace, name)) or ():
            yield NamespacedName(namespace, target)


def _memberships(read: Read, group: PolicyGroup) -> Iterator[str]:
    yield from group.bindings
    namespace = group.identity.namespace
    spiffe = spiffe_id(read(("trust domains",))[0], group.identity)
    for name in sorted(read(("bindings", namespace)) or ()):
        if spiffe in read(("members", NamespacedName(namespace, name))).value[0]:
            yield name


def _rule(granted: Grant, leads: dict[int, frozenset[int]]) -> Rule:
    only = None if granted.destination_port is None else frozenset({granted.destination_port})
    narrow = _own_ports(only, leads)
    return Rule(
        target=granted.target,
        spiffe_ids=granted.spiffe_ids,
        pods=granted.pods,
        tcp=granted.tcp,
        ports=_both(_own_ports(granted.ports, leads), narrow),
        http=granted.http,
        udp_ports=_both(_own_ports(granted.udp_ports, leads), narrow),
    )


def _own_ports(
    ports: frozenset[int] | None, leads: dict[int, frozenset[int]]
) -> frozenset[int] | None:
    """The pods' own ports that are meant: a Service's port stands for where it leads."""
    if ports is None:
        return None
    return frozenset().union(*(leads.get(port, {port}) for port in ports))


def _both(ports: frozenset[int] | None, narrow: frozenset[int] | None) -> frozenset[int] | None:
    """The ports that are among both; `None` stands for all."""
    if ports is None or narrow is None:
        return narrow if ports is None else ports
    return ports & narrow
