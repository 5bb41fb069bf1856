"""Whom the backends of a TrafficSplit refuse, though its root lets them in."""

from collections import defaultdict
from collections.abc import Mapping

from smi.access import TrafficTarget
from smi.compiler.findings import Findings, Judged, few
from smi.compiler.memo import Read
from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity, service_identity
from smi.model.inbound import Mode, Rule
from smi.model.outbound import Route
from smi.model.service import Endpoint, Service
from smi.model.workload import PolicyGroup, Workload
from smi.split import TrafficSplit
from smi.split.root import split_root


def refused(read: Read, name: NamespacedName) -> Judged[None] | None:
    """What is wrong with the TrafficSplit `name` as its backends' own policy sees it."""
    written: TrafficSplit | None = read(("TrafficSplit", name))
    if written is None:
        return None
    findings = Findings("TrafficSplit", name)
    root = split_root(written)
    short = {} if root is None else _short(read, NamespacedName(name.namespace, root), name)
    for index, backend in enumerate(written.spec.backends):
        if lost := short.get(NamespacedName(name.namespace, backend.service)):
            findings.warning(
                f"spec.backends[{index}].service",
                "BackendRefuses",
                f"ServiceAccount {few(sorted(lost))} may call {root} and not {backend.service}:"
                " what this split sends there for it is denied; grant it the pods of"
                f" {backend.service} by a TrafficTarget",
            )
    return findings.judged(None)


def _short(
    read: Read, root: NamespacedName, split: NamespacedName
) -> Mapping[NamespacedName, frozenset[ServiceIdentity]]:
    """Who may call `root` and not a backend, by backends that have a share of some port."""
    short: defaultdict[NamespacedName, frozenset[ServiceIdentity]] = defaultdict(frozenset)
    routes: tuple[Route, ...] = read(("routes", root)) or ()
    for route in routes:
        found = next(each for each in route.splits if each.name == split)
        behind: dict[NamespacedName, frozenset[ServiceIdentity] | None] = {
            d.service: read(("callers", d.service, route.port)) for d in found.destinations
        }
        # Behind a root of no pods, or of open ones, there is nobody who could say who calls it.
        of_root = read(("callers", root, route.port)) or frozenset().union(
            *filter(None, behind.values())
        )
        for service, let_in in behind.items():
            if let_in is not None:
                short[service] |= of_root - let_in
    return short


def callers(read: Read, service: NamespacedName, number: int) -> frozenset[ServiceIdentity] | None:
    """The ServiceAccounts that may call some pod behind a Service's port; `None` for everybody.

    One that may send only some requests is among them, and so is one of whose pods only some may.
    """
    judged: Judged[Service] = read(("service", service))
    port = judged.value.port(number)
    found: set[ServiceIdentity] = set()
    for group, at in {_group(read, endpoint) for endpoint in port.endpoints} if port else ():
        policy = None if group is None else read(("inbound", group)).value
        if policy is None or policy.mode is not Mode.STRICT:
            return None
        for rule in policy.rules:
            if rule.opens(at):
                found |= _sources(read, rule)
    return frozenset(found)


def _group(read: Read, endpoint: Endpoint) -> tuple[PolicyGroup | None, int]:
    """Which policy binds who answers at a port of its own; none where there is no sidecar."""
    if endpoint.pod is None or not endpoint.meshed:
        return None, endpoint.target_port
    workload: Workload = read(("workload", endpoint.pod))
    return workload.group, endpoint.target_port


def _sources(read: Read, rule: Rule) -> frozenset[ServiceIdentity]:
    """The ServiceAccounts of all that a TrafficTarget lets in, also of those it knows by label."""
    own: str = read(("trust domains",))[0]
    found = {identity for id_ in rule.spiffe_ids if (identity := service_identity(own, id_))}
    if rule.pods:
        target: TrafficTarget = read(("TrafficTarget", rule.target))
        for source in target.spec.sources:
            name = NamespacedName(source.namespace or rule.target.namespace, source.name)
            if source.qualified_kind == "IdentityBinding" and read(("IdentityBinding", name)):
                found |= read(("identities by label", name))
    return frozenset(found)
