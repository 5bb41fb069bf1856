"""TrafficTargets, each by itself: whom one grants what."""

from collections.abc import Iterable
from dataclasses import dataclass

from smi.access import TrafficTarget, destination_port, validation
from smi.access.v1alpha4 import Rule as RuleReference
from smi.compiler.findings import Findings, Judged, few
from smi.compiler.memo import Read
from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity, SpiffeId, spiffe_ids
from smi.model.match import HttpMatch
from smi.specs import TCPRoute, UDPRoute


@dataclass(frozen=True, slots=True)
class Grant:
    """What one TrafficTarget grants, before it is known whose ports its numbers are.

    `ports` and `udp_ports` are as written, `None` for all; `destination_port` narrows both.
    """

    target: NamespacedName
    spiffe_ids: frozenset[SpiffeId]
    pods: frozenset[PodUid]
    tcp: bool
    ports: frozenset[int] | None
    http: tuple[HttpMatch, ...] | None
    udp_ports: frozenset[int] | None
    destination_port: int | None = None


def grant(read: Read, name: NamespacedName) -> Judged[Grant | None] | None:
    """What the TrafficTarget `name` grants; nothing where its destination cannot be meant."""
    target: TrafficTarget | None = read(("TrafficTarget", name))
    if target is None:
        return None
    findings = Findings("TrafficTarget", name, list(validation.traffic_target(target)))
    destination_is_sound = _destination_is_sound(read, target, findings)
    if not _rule_kinds_are_known(target, findings) or not destination_is_sound:
        return findings.judged(None)
    ids, pods = _sources(read, target, findings)
    rules = target.spec.rules
    return findings.judged(
        Grant(
            target=name,
            spiffe_ids=ids,
            pods=pods,
            tcp=any(rule.kind in {"TCPRoute", "HTTPRouteGroup"} for rule in rules),
            ports=_ports(read, target, "TCPRoute", findings),
            http=_http(read, target, findings),
            udp_ports=_ports(read, target, "UDPRoute", findings)
            if any(rule.kind == "UDPRoute" for rule in rules)
            else frozenset(),
            destination_port=destination_port.destination_port(target.metadata.annotations),
        )
    )


def effect(read: Read, name: NamespacedName) -> Judged[None] | None:
    """What the TrafficTarget `name` opens that is open anyway."""
    granted: Judged[Grant | None] | None = read(("grant", name))
    if granted is None:
        return None
    findings = Findings("TrafficTarget", name)
    if granted.value is not None:
        destination = read(("TrafficTarget", name)).spec.destination
        of = (destination.qualified_kind, name.namespace, destination.name)
        pods, all_of_them = read(("unmeshed pods of destination", *of))
        if pods:
            named = few([pod.name for pod in pods])
            findings.warning(
                "spec.destination",
                "NoSidecar",
                "no pod of the destination has a sidecar: they let everybody in, and this"
                f" TrafficTarget grants nothing that is not open anyway ({named})"
                if all_of_them
                else f"without a sidecar, {named} let everybody in, whatever this TrafficTarget"
                " grants",
            )
    return findings.judged(None)


def _rule_kinds_are_known(target: TrafficTarget, findings: Findings) -> bool:
    """A rule of a kind that is not known may narrow the grant in a way that is not known either."""
    known = {"HTTPRouteGroup", "TCPRoute", "UDPRoute"}
    unknown = [(i, r.kind) for i, r in enumerate(target.spec.rules) if r.kind not in known]
    for index, kind in unknown:
        findings.error(
            f"spec.rules[{index}].kind",
            "UnknownRuleKind",
            f"{kind!r} is none of HTTPRouteGroup, TCPRoute, UDPRoute;"
            " this TrafficTarget grants nothing",
        )
    return not unknown


def _destination_is_sound(read: Read, target: TrafficTarget, findings: Findings) -> bool:
    destination = target.spec.destination
    port = destination_port.destination_port(target.metadata.annotations)
    if port == destination_port.UNREADABLE:
        findings.error(
            f"metadata.annotations.{destination_port.ANNOTATION}",
            "DestinationPortUnreadable",
            "should be a port from 1 to 65535: remove it if all ports are meant;"
            " this TrafficTarget grants nothing",
        )
        return False
    if destination.namespace not in {None, "", target.key.namespace}:
        findings.error(
            "spec.destination.namespace",
            "CrossNamespaceDestination",
            f"a TrafficTarget opens pods of its own namespace {target.key.namespace!r} only;"
            f" create it in {destination.namespace!r}",
        )
        return False
    kind = destination.qualified_kind
    if kind not in {"ServiceAccount", "IdentityBinding"}:
        findings.error(
            "spec.destination.kind",
            "UnknownDestinationKind",
            f"{kind!r} is neither ServiceAccount nor IdentityBinding;"
            " this TrafficTarget grants nothing",
        )
        return False
    if kind == "IdentityBinding":
        name = NamespacedName(target.key.namespace, destination.name)
        if read(("IdentityBinding", name)) is None:
            findings.error(
                "spec.destination.name",
                "IdentityBindingNotFound",
                f"there is no IdentityBinding {name}; this TrafficTarget grants nothing",
            )
            return False
    return True


def _sources(
    read: Read, target: TrafficTarget, findings: Findings
) -> tuple[frozenset[SpiffeId], frozenset[PodUid]]:
    ids: set[SpiffeId] = set()
    pods: set[PodUid] = set()
    for index, source in enumerate(target.spec.sources):
        name = NamespacedName(source.namespace or target.key.namespace, source.name)
        match source.qualified_kind:
            case "ServiceAccount":
                ids |= spiffe_ids(read(("trust domains",)), ServiceIdentity(*name))
                _warn_of_unknown_account(read, name, f"spec.sources[{index}].name", findings)
            case "IdentityBinding":
                members = read(("members", name))
                if members is None:
                    findings.error(
                        f"spec.sources[{index}].name",
                        "IdentityBindingNotFound",
                        f"there is no IdentityBinding {name}; this source grants nothing",
                    )
                    continue
                ids |= members.value[0]
                pods |= members.value[1]
            case kind:
                findings.error(
                    f"spec.sources[{index}].kind",
                    "UnknownSourceKind",
                    f"{kind!r} is neither ServiceAccount nor IdentityBinding;"
                    " this source grants nothing",
                )
    return frozenset(ids), frozenset(pods)


def _warn_of_unknown_account(
    read: Read, name: NamespacedName, field: str, findings: Findings
) -> None:
    if name.name == "default" or read(("ServiceAccount", name)) is not None:
        return
    if not read(("pods of identity", *name)):
        findings.warning(
            field,
            "ServiceAccountNotFound",
            f"there is no ServiceAccount {name} and no pod runs as it; nobody is granted anything",
        )


def _ports(
    read: Read, target: TrafficTarget, kind: str, findings: Findings
) -> frozenset[int] | None:
    """The ports that the rules of `kind` allow; a route that is not there allows none of them."""
    rules = [(index, rule) for index, rule in enumerate(target.spec.rules) if rule.kind == kind]
    if not rules:
        return None
    ports: set[int] = set()
    everything = False
    for index, rule in rules:
        name = NamespacedName(target.key.namespace, rule.name)
        route: TCPRoute | UDPRoute | None = read((kind, name))
        if route is None:
            _not_found(findings, index, rule, name)
        elif not route.spec.matches.ports:
            everything = True
        else:
            ports.update(route.spec.matches.ports)
    return None if everything else frozenset(ports)


def _http(read: Read, target: TrafficTarget, findings: Findings) -> tuple[HttpMatch, ...] | None:
    """The matches that the HTTPRouteGroup rules select, `None` where there is no such rule."""
    rules = [(i, r) for i, r in enumerate(target.spec.rules) if r.kind == "HTTPRouteGroup"]
    if not rules:
        return None
    return tuple(
        match for index, rule in rules for match in _selected(read, target, index, rule, findings)
    )


def _selected(
    read: Read, target: TrafficTarget, index: int, rule: RuleReference, findings: Findings
) -> Iterable[HttpMatch]:
    name = NamespacedName(target.key.namespace, rule.name)
    group = read(("HTTPRouteGroup matches", name))
    if group is None:
        _not_found(findings, index, rule, name)
        return ()
    matches: tuple[HttpMatch, ...] = group.value
    if not rule.matches:  # omitted means all matches of the group (traffic-access, all versions)
        return matches
    written = {m.name for m in read(("HTTPRouteGroup", name)).spec.matches}
    for position, wanted in enumerate(rule.matches):
        if wanted not in written:
            findings.error(
                f"spec.rules[{index}].matches[{position}]",
                "MatchNotFound",
                f"HTTPRouteGroup {name} has no match named {wanted!r}"
                f" (it has {', '.join(sorted(written)) or 'none'}); this entry grants nothing",
            )
    return tuple(match for match in matches if match.name in rule.matches)


def _not_found(findings: Findings, index: int, rule: RuleReference, name: NamespacedName) -> None:
    findings.error(
        f"spec.rules[{index}].name",
        f"{rule.kind}NotFound",
        f"there is no {rule.kind} {name}; this rule grants nothing",
    )
