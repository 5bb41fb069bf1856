"""Who may call: the matcher of one port for HTTP, the list of admitted certificates for TCP.

HTTP is judged request by request, from the routes, where a change harms no connection. TCP is
judged by the handshake, because an application that speaks first would answer a denied caller
before any filter had decided.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import assert_never

from google.protobuf.message import Message

from smi.model.inbound import Inbound, Mode, Rule
from smi_envoy.pb.envoy.config.rbac.v3 import rbac_pb2 as policy_pb2
from smi_envoy.pb.envoy.extensions.filters.http.rbac.v3 import rbac_pb2
from smi_envoy.pb.envoy.extensions.matching.common_inputs.ssl.v3 import ssl_inputs_pb2
from smi_envoy.pb.envoy.extensions.transport_sockets.tls.v3 import common_pb2
from smi_envoy.pb.xds.type.matcher.v3 import matcher_pb2
from smi_envoy.translate import matching
from smi_envoy.translate.tls import NOBODY, SanType, subject

ESCAPED_SLASH = "(?is:.*%(?:2f|5c).*)"
"""Paths in which an application may see a slash where the judge of a path saw none."""


def rules_at(inbound: Inbound | None, port: int) -> tuple[Rule, ...]:
    """The rules that grant something at one TCP port of the pods. No `inbound` is no rule."""
    return tuple(
        rule
        for rule in (inbound.rules if inbound else ())
        if rule.tcp and rule.http != () and (rule.ports is None or port in rule.ports)
    )


def judges_paths(rules: Iterable[Rule]) -> bool:
    """Whether the path decides for some request."""
    return any(match.path_regex is not None for rule in rules for match in rule.http or ())


def mode_of(inbound: Inbound | None) -> Mode:
    """How far policy binds the pods. No `inbound` is no rule, and so strict."""
    return inbound.mode if inbound else Mode.STRICT


def http_authorization(rules: tuple[Rule, ...], mode: Mode = Mode.STRICT) -> rbac_pb2.RBACPerRoute:
    """The judgement of requests at one port: allowed if one rule, taken whole, allows it.

    In permissive mode there is none; in audit mode it is recorded and every request goes on.
    """
    match mode:
        case Mode.STRICT:
            return rbac_pb2.RBACPerRoute(rbac=rbac_pb2.RBAC(matcher=_matcher(rules)))
        case Mode.AUDIT:
            shadow = _without_escaped_slash(_matcher(rules)) if judges_paths(rules) else None
            return rbac_pb2.RBACPerRoute(
                rbac=rbac_pb2.RBAC(shadow_matcher=shadow or _matcher(rules))
            )
        case Mode.PERMISSIVE:
            return rbac_pb2.RBACPerRoute()
        case _:
            assert_never(mode)


def _without_escaped_slash(matcher: matcher_pb2.Matcher) -> matcher_pb2.Matcher:
    """`matcher`, and what strict mode answers with 400 denied before it."""
    denied = _verdict("none", policy_pb2.RBAC.Action.DENY)
    return matching.first(
        [(matching.path(ESCAPED_SLASH), denied), (matching.always(), matching.nested(matcher))],
        otherwise=denied,
    )


def _matcher(rules: tuple[Rule, ...]) -> matcher_pb2.Matcher:
    trees = (
        (ssl_inputs_pb2.DnsSanInput(), _by_name(rules, lambda rule: rule.pods)),
        (ssl_inputs_pb2.UriSanInput(), _by_name(rules, lambda rule: rule.spiffe_ids)),
    )
    choices = [
        (matching.always(), matching.nested(_tree(certificate, by_name)))
        for certificate, by_name in trees
        if by_name
    ]
    denied = _verdict("none", policy_pb2.RBAC.Action.DENY)
    return matching.first(choices, otherwise=denied)


def tcp_clients(
    rules: tuple[Rule, ...], mode: Mode = Mode.STRICT
) -> list[common_pb2.SubjectAltNameMatcher]:
    """The names one of which a TCP client's certificate must bear. In strict mode never empty.

    A rule that selects HTTP requests grants no other bytes. Other modes take every certificate of
    the mesh.
    """
    if mode is not Mode.STRICT:
        return []
    granting = tuple(rule for rule in rules if rule.http is None)
    uids = _by_name(granting, lambda rule: rule.pods)
    spiffe_ids = _by_name(granting, lambda rule: rule.spiffe_ids)
    admitted = [subject(SanType.DNS, uid) for uid in uids]
    admitted += [subject(SanType.URI, spiffe_id) for spiffe_id in spiffe_ids]
    return admitted or [subject(SanType.URI, NOBODY)]


def _by_name(
    rules: Iterable[Rule], names: Callable[[Rule], Iterable[str]]
) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
        for name in names(rule):
            found[name] = (*found.get(name, ()), rule)
    return dict(sorted(found.items()))


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
            return _verdict(str(rule.target), policy_pb2.RBAC.Action.ALLOW)
    allow = policy_pb2.RBAC.Action.ALLOW
    return matching.nested(
        matching.first(
            [(matching.any_of(r.http or ()), _verdict(str(r.target), allow)) for r in rules]
        )
    )


def _verdict(name: str, verdict: policy_pb2.RBAC.Action.ValueType) -> matcher_pb2.Matcher.OnMatch:
    return matching.action(policy_pb2.Action(name=name, action=verdict))
