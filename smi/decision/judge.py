"""Whether the pods of one policy group accept a request."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from smi.decision.matching import Seen, failure, seen
from smi.decision.request import Caller, Protocol, Request
from smi.k8s.resource import NamespacedName
from smi.model.inbound import Inbound, Rule
from smi.model.path import has_escaped_slash, normalised


class Verdict(StrEnum):
    """Whether requests reach an application.

    Everywhere, nowhere, at some of their destinations, or nowhere because there is none.
    """

    ALLOW = "allow"
    DENY = "deny"
    MIXED = "mixed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`policies` are the TrafficTargets that allow it; `path` is what the application sees."""

    verdict: Verdict
    reason: str
    message: str
    policies: tuple[NamespacedName, ...] = ()
    path: str = ""


class _Reached(IntEnum):
    """How far a rule goes along with a request, furthest last."""

    SOURCE = 0
    PROTOCOL = 1
    PORT = 2
    ROUTE = 3
    ALLOWED = 4


_REASONS = {
    _Reached.SOURCE: "SourceNotListed",
    _Reached.PROTOCOL: "ProtocolNotGranted",
    _Reached.PORT: "PortNotGranted",
    _Reached.ROUTE: "RouteNotGranted",
}


def judge(
    inbound: Inbound, port: int, caller: Caller, request: Request, name: NamespacedName
) -> Judgement:
    """What the pods of `inbound` answer at their own `port` to a request for `name`."""
    path = normalised(request.path) if request.is_http else ""
    if path is None:
        return _denied("BadRequest", f"{request.path!r} is no path: answered with 400")
    if caller.spiffe is None:
        return _denied("NoIdentity", "the caller shows no certificate: no handshake, no request")
    if request.is_http and has_escaped_slash(path) and _path_decides(inbound, port):
        return _denied(
            "EscapedSlash",
            "the path holds an escaped slash where a pathRegex decides: answered with 400",
        )
    if not inbound.rules:
        return _denied(
            "NoPolicy",
            f"no TrafficTarget has ServiceAccount {inbound.group.identity} as destination",
        )
    view = seen(request, name, path) if request.is_http else None
    return _union(inbound, port, caller, request.protocol, view, path)


def _denied(reason: str, message: str) -> Judgement:
    return Judgement(Verdict.DENY, reason, message)


def _path_decides(inbound: Inbound, port: int) -> bool:
    """Whether a pathRegex has a say at `port`: then `%2F` is not let through to be read anew."""
    return any(
        match.path_regex
        for rule in inbound.rules
        if rule.tcp and (rule.ports is None or port in rule.ports)
        for match in rule.http or ()
    )


def _union(
    inbound: Inbound, port: int, caller: Caller, protocol: Protocol, view: Seen | None, path: str
) -> Judgement:
    results = [(*_reach(rule, port, caller, protocol, view), rule.target) for rule in inbound.rules]
    furthest = max(reached for reached, _, _ in results)
    nearest = [(text, target) for reached, text, target in results if reached is furthest]
    targets = tuple(target for _, target in nearest)
    if furthest is _Reached.ALLOWED:
        names = ", ".join(map(str, targets))
        return Judgement(Verdict.ALLOW, "Allowed", f"allowed by {names}", targets, path)
    nearest_policies = "; ".join(f"TrafficTarget {target}: {text}" for text, target in nearest[:3])
    return Judgement(Verdict.DENY, _REASONS[furthest], nearest_policies)


def _reach(
    rule: Rule, port: int, caller: Caller, protocol: Protocol, view: Seen | None
) -> tuple[_Reached, str]:
    """How far `rule` goes along, and what it asks that is not so.

    A TrafficTarget is judged whole: one target's port never combines with another's route.
    """
    if caller.spiffe not in rule.spiffe_ids and caller.pod not in rule.pods:
        return _Reached.SOURCE, f"{caller.spiffe} is not among its sources"
    ports = rule.udp_ports if protocol is Protocol.UDP else rule.ports
    if protocol is Protocol.UDP and ports == frozenset():
        return _Reached.PROTOCOL, "it has no UDPRoute, and so grants no UDP"
    if protocol is not Protocol.UDP and not rule.tcp:
        return _Reached.PROTOCOL, "it has UDPRoutes only, and so grants no TCP"
    if ports is not None and port not in ports:
        granted = ", ".join(map(str, sorted(ports))) or "none"
        return _Reached.PORT, f"the pods' port {port} is not among those it grants ({granted})"
    if protocol is Protocol.UDP or rule.http is None:
        return _Reached.ALLOWED, ""
    if view is None:
        return _Reached.PROTOCOL, "it grants HTTP requests by route, not raw TCP"
    failures = [(match, failure(match, view)) for match in rule.http]
    if any(text is None for _, text in failures):
        return _Reached.ALLOWED, ""
    texts = [f"{match.group.name}/{match.name}: {text}" for match, text in failures[:3]]
    return _Reached.ROUTE, "; ".join(texts) or "none of its routes can be resolved"
