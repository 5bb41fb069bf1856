"""Whether the pods of one policy group accept a request."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple, assert_never

from smi.decision.matching import Seen, failure, seen
from smi.decision.request import Caller, Protocol, Request
from smi.k8s.resource import NamespacedName
from smi.model.denial import Denial
from smi.model.inbound import Inbound, Mode, Rule
from smi.model.path import is_ambiguous

ALLOWED = "Allowed"
"""The reason of what a TrafficTarget allows."""

PERMISSIVE = "Permissive"
"""The reason of what is let in because a namespace asks for no policy."""


NO_SIDECAR = "NoSidecar"
"""The reason of what reaches an application that has no sidecar to enforce anything."""


class Verdict(StrEnum):
    """Whether requests reach an application.

    Everywhere, nowhere, at some of their destinations, or nowhere because there is none.
    """

    ALLOW = "allow"
    DENY = "deny"
    MIXED = "mixed"
    UNAVAILABLE = "unavailable"


class Obstacle(NamedTuple):
    """One thing that a TrafficTarget asks and that is not so."""

    reason: Denial
    message: str


class Near(NamedTuple):
    """A TrafficTarget that nearly allows a request, and all that keeps it from doing so."""

    target: NamespacedName
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether pods accept a request, and why.

    `policies` are the TrafficTargets that allow it; `nearest` those that come nearest to it where
    none does, at most three. `path` is the request target as it is judged and forwarded.
    In audit mode all but `verdict` is what strict mode would say.
    """

    verdict: Verdict
    reason: str
    message: str
    policies: tuple[NamespacedName, ...] = ()
    path: str = ""
    # An elaboration of `message`: pods that differ in it only still answer alike.
    nearest: tuple[Near, ...] = field(default=(), compare=False)


_READ = (
    Denial.SOURCE_NOT_LISTED,
    Denial.PROTOCOL_NOT_GRANTED,
    Denial.PORT_NOT_GRANTED,
    Denial.ROUTE_NOT_GRANTED,
)  # how far a rule goes along with a request, furthest last


def judge(
    inbound: Inbound, port: int, caller: Caller, request: Request, name: NamespacedName
) -> Judgement:
    """What the pods of `inbound` answer at their own `port` to a request for `name`."""
    path = request.forwarded if request.is_http else ""
    if path is None:
        return _denied(Denial.BAD_REQUEST, request.refused)
    match inbound.mode:
        case Mode.STRICT:
            return _strict(inbound, port, caller, request, name, path)
        case Mode.AUDIT:
            judged = _strict(inbound, port, caller, request, name, path)
            return replace(judged, verdict=Verdict.ALLOW)
        case Mode.PERMISSIVE:
            text = f"namespace {inbound.group.identity.namespace} is permissive: any caller may"
            return Judgement(Verdict.ALLOW, PERMISSIVE, text, path=path)
        case _:
            assert_never(inbound.mode)


def unmeshed(caller: Caller, request: Request) -> Judgement:
    """What becomes of a request where no sidecar stands: only the caller's own can refuse it."""
    path = request.forwarded if request.is_http and caller.meshed else request.path
    if path is None:
        return _denied(Denial.BAD_REQUEST, request.refused)
    text = "no sidecar stands there: nothing enforces any policy, and everybody is let in"
    return Judgement(Verdict.ALLOW, NO_SIDECAR, text, path=path if request.is_http else "")


def _strict(
    inbound: Inbound, port: int, caller: Caller, request: Request, name: NamespacedName, path: str
) -> Judgement:
    if caller.spiffe is None:
        text = "the caller shows no certificate: no handshake, no request"
        return _denied(Denial.NO_IDENTITY, text, path)
    if request.is_http and is_ambiguous(path) and _path_decides(inbound, port):
        return _denied(
            Denial.ESCAPED_SLASH,
            "the path holds an escaped slash or dot segment where a pathRegex decides: answered"
            " with 400",
            path,
        )
    if not inbound.rules:
        return _denied(
            Denial.NO_POLICY,
            f"no TrafficTarget has ServiceAccount {inbound.group.identity} as destination",
            path,
        )
    view = seen(request, name, path) if request.is_http else None
    return _union(inbound, port, caller, request.protocol, view, path)


def _denied(reason: Denial, message: str, path: str = "") -> Judgement:
    return Judgement(Verdict.DENY, reason, message, path=path)


def _path_decides(inbound: Inbound, port: int) -> bool:
    """Whether a pathRegex has a say at `port`: then `%2F` is not let through to be read anew."""
    return any(
        match.path_regex for rule in inbound.rules if rule.opens(port) for match in rule.http or ()
    )


def _union(
    inbound: Inbound, port: int, caller: Caller, protocol: Protocol, view: Seen | None, path: str
) -> Judgement:
    judged = [
        (rule.target, tuple(_obstacles(rule, port, caller, protocol, view)))
        for rule in inbound.rules
    ]
    allowing = tuple(target for target, obstacles in judged if not obstacles)
    if allowing:
        names = ", ".join(map(str, allowing))
        return Judgement(Verdict.ALLOW, ALLOWED, f"allowed by {names}", allowing, path)
    furthest = max((obstacles[0].reason for _, obstacles in judged), key=_READ.index)
    near = [Near(*rule) for rule in judged if rule[1][0].reason is furthest]
    nearest = tuple(sorted(near, key=lambda n: len(n.obstacles))[:3])
    message = "; ".join(f"TrafficTarget {n.target}: {n.obstacles[0].message}" for n in nearest)
    return Judgement(Verdict.DENY, furthest, message, path=path, nearest=nearest)


def _obstacles(
    rule: Rule, port: int, caller: Caller, protocol: Protocol, view: Seen | None
) -> Iterator[Obstacle]:
    """What `rule` asks that is not so, in the order in which it is read; nothing if it allows.

    A TrafficTarget is judged whole: one target's port never combines with another's route.
    """
    if caller.spiffe not in rule.spiffe_ids and caller.pod not in rule.pods:
        text = f"{caller.spiffe} is not among its sources"
        yield Obstacle(Denial.SOURCE_NOT_LISTED, text)
    ports = rule.udp_ports if protocol is Protocol.UDP else rule.ports
    if protocol is Protocol.UDP and ports == frozenset():
        yield Obstacle(Denial.PROTOCOL_NOT_GRANTED, "it has no UDPRoute, and so grants no UDP")
        return
    if protocol is not Protocol.UDP and not rule.tcp:
        text = "it has UDPRoutes only, and so grants no TCP"
        yield Obstacle(Denial.PROTOCOL_NOT_GRANTED, text)
        return
    if ports is not None and port not in ports:
        granted = ", ".join(map(str, sorted(ports))) or "none"
        text = f"the pods' port {port} is not among those it grants ({granted})"
        yield Obstacle(Denial.PORT_NOT_GRANTED, text)
    if protocol is Protocol.UDP or rule.http is None:
        return
    if view is None:
        text = "it grants HTTP requests by route, not raw TCP"
        yield Obstacle(Denial.PROTOCOL_NOT_GRANTED, text)
        return
    failures = [(match, failure(match, view)) for match in rule.http]
    if all(text is not None for _, text in failures):
        texts = [f"{match.group.name}/{match.name}: {text}" for match, text in failures[:3]]
        text = "; ".join(texts) or "none of its routes can be resolved"
        yield Obstacle(Denial.ROUTE_NOT_GRANTED, text)
