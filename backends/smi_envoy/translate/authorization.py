"""Who may call: the matcher of one port for HTTP, the admitted principals for TCP.

HTTP is judged request by request, from the routes, where a change harms no connection. TCP is
judged by the handshake, because an application that speaks first would answer a denied caller
before any filter had decided, and again by every change of the listener (`chains.inbound`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import assert_never

from google.protobuf.message import Message

from smi.model.denial import Denial
from smi.model.identity import PodUid, SpiffeId
from smi.model.inbound import Inbound, Mode, Rule
from smi_envoy.pb.envoy.config.rbac.v3 import rbac_pb2 as policy_pb2
from smi_envoy.pb.envoy.extensions.filters.http.rbac.v3 import rbac_pb2
from smi_envoy.pb.envoy.extensions.matching.common_inputs.ssl.v3 import ssl_inputs_pb2
from smi_envoy.pb.xds.type.matcher.v3 import matcher_pb2
from smi_envoy.translate import matching

_NAMES: tuple[tuple[Message, Callable[[Rule], Iterable[str]]], ...] = (
    (ssl_inputs_pb2.DnsSanInput(), lambda rule: rule.pods),
    (ssl_inputs_pb2.UriSanInput(), lambda rule: rule.spiffe_ids),
)

_FURTHEST_FIRST = (Denial.ROUTE_NOT_GRANTED, Denial.PORT_NOT_GRANTED, Denial.PROTOCOL_NOT_GRANTED)

ESCAPED_SLASH = r"(?is:.*(?:%2f|%5c|/\.\.?;).*)"
"""Paths in which an application may see a slash where the judge of a path saw none."""


def rules_at(inbound: Inbound | None, port: int) -> tuple[Rule, ...]:
    """The rules that grant something at one TCP port of the pods. No `inbound` is no rule."""
    return tuple(rule for rule in (inbound.rules if inbound else ()) if rule.opens(port))


def judges_paths(rules: Iterable[Rule]) -> bool:
    """Whether the path decides for some request."""
    return any(match.path_regex is not None for rule in rules for match in rule.http or ())


def mode_of(inbound: Inbound | None) -> Mode:
    """How far policy binds the pods. No `inbound` is no rule, and so strict."""
    return inbound.mode if inbound else Mode.STRICT


def http_authorization(inbound: Inbound | None, port: int) -> rbac_pb2.RBACPerRoute:
    """The judgement of requests at one port: allowed if one rule, taken whole, allows it.

    In permissive mode there is none; in audit mode it is recorded and every request goes on. The
    policy that a verdict names is the TrafficTarget that allows, or the `Denial`.
    """
    match mode_of(inbound):
        case Mode.STRICT:
            return rbac_pb2.RBACPerRoute(rbac=rbac_pb2.RBAC(matcher=_matcher(inbound, port)))
        case Mode.AUDIT:
            shadow = _matcher(inbound, port)
            if judges_paths(rules_at(inbound, port)):
                shadow = _without_escaped_slash(shadow)
            return rbac_pb2.RBACPerRoute(rbac=rbac_pb2.RBAC(shadow_matcher=shadow))
        case Mode.PERMISSIVE:
            return rbac_pb2.RBACPerRoute()
        case mode:
            assert_never(mode)


def _without_escaped_slash(matcher: matcher_pb2.Matcher) -> matcher_pb2.Matcher:
    """`matcher`, and what strict mode answers with 400 denied before it."""
    return matching.first(
        [
            (matching.path(ESCAPED_SLASH), _denied(Denial.ESCAPED_SLASH)),
            (matching.always(), matching.nested(matcher)),
        ]
    )


def _matcher(inbound: Inbound | None, port: int) -> matcher_pb2.Matcher:
    rules = rules_at(inbound, port)
    trees = [_tree(certificate, by_name) for certificate, by_name in _by_name(rules)]
    every = inbound.rules if inbound else ()
    for reason in _FURTHEST_FIRST:
        falling = [rule for rule in every if _falls(rule, port) is reason]
        trees += [
            matching.exact_map(certificate, dict.fromkeys(by_name, _denied(reason)))
            for certificate, by_name in _by_name(falling)
        ]
    choices = [(matching.always(), matching.nested(tree)) for tree in trees]
    return matching.first(
        choices, otherwise=_denied(Denial.SOURCE_NOT_LISTED if every else Denial.NO_POLICY)
    )


def _falls(rule: Rule, port: int) -> Denial | None:
    """How a request of one of its sources falls short of `rule` at `port`; `None` if none does."""
    if not rule.tcp:
        return Denial.PROTOCOL_NOT_GRANTED
    if rule.ports is not None and port not in rule.ports:
        return Denial.PORT_NOT_GRANTED
    return None if rule.http is None else Denial.ROUTE_NOT_GRANTED


def tcp_clients(rules: Iterable[Rule]) -> tuple[frozenset[SpiffeId], frozenset[PodUid]]:
    """Who may open TCP connections. A rule that selects HTTP requests grants no other bytes."""
    granting = [rule for rule in rules if rule.http is None]
    return (
        frozenset(spiffe_id for rule in granting for spiffe_id in rule.spiffe_ids),
        frozenset(uid for rule in granting for uid in rule.pods),
    )


def _by_name(rules: Iterable[Rule]) -> Iterator[tuple[Message, dict[str, tuple[Rule, ...]]]]:
    """Where a certificate bears which name, and the rules of the caller so named."""
    for certificate, names in _NAMES:
        found: dict[str, list[Rule]] = {}
        for rule in rules:
            for name in names(rule):
                found.setdefault(name, []).append(rule)
        if found:
            yield certificate, {name: tuple(found[name]) for name in sorted(found)}


def _tree(certificate: Message, by_name: Mapping[str, tuple[Rule, ...]]) -> matcher_pb2.Matcher:
    distinct = {tuple(map(id, rules)): rules for rules in by_name.values()}  # built once each
    judged = {ids: _judgement(rules) for ids, rules in distinct.items()}
    return matching.exact_map(
        certificate, {name: judged[tuple(map(id, rules))] for name, rules in by_name.items()}
    )


def _judgement(rules: tuple[Rule, ...]) -> matcher_pb2.Matcher.OnMatch:
    """What one caller may: anything if a rule says so, else what some rule selects."""
    for rule in rules:
        if rule.http is None:
            return _allowed(rule)
    return matching.nested(
        matching.first([(matching.any_of(rule.http or ()), _allowed(rule)) for rule in rules])
    )


def _allowed(rule: Rule) -> matcher_pb2.Matcher.OnMatch:
    action = policy_pb2.RBAC.Action.ALLOW
    return matching.action(policy_pb2.Action(name=str(rule.target), action=action))


def _denied(reason: Denial) -> matcher_pb2.Matcher.OnMatch:
    action = policy_pb2.RBAC.Action.DENY
    return matching.action(policy_pb2.Action(name=reason, action=action))
