"""What proxies count, by which labels: what `smi_envoy.queries` reads back."""

from collections.abc import Mapping
from enum import StrEnum

from smi_envoy.pb.envoy.config.accesslog.v3 import accesslog_pb2
from smi_envoy.translate import names
from smi_envoy.translate.endpoints import METADATA
from smi_envoy.translate.messages import untyped

PREFIX = "smi"
OUTBOUND = "outbound"
INBOUND = "inbound"
REFUSED = "refused"

NOT_GRANTED = "NotGranted"
"""The reason class of a TCP connection of the mesh that no TrafficTarget allows."""

NO_CHAIN = "filter_chain_not_found"
"""What Envoy says of a connection that meets no filter chain."""


class Verdict(StrEnum):
    """What strict mode says, as Envoy's shadow rules spell it."""

    ALLOWED = "allowed"
    DENIED = "denied"


OK = "ok"
FAILED = "failed"

MOST_LABEL_SETS = 5000  # of one logger; what a caller invents (hosts, methods) must not fill memory

_FAILURE = "connection.transport_failure_reason"
# What the TLS inspector says of plain text begins with `TLS_error|`.
_FAILED = f"{_FAILURE}.startsWith('TLS_error:')"

_ROUTE = "xds.route_name"

_HTTP = {
    "host": "%REQ(:AUTHORITY)%",
    "route": "%ROUTE_NAME%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "status": "%RESPONSE_CODE%",
}

NOT_GRANTED_WHEN = f"has({_FAILURE}) && {_FAILED} && {_FAILURE}.contains('SAN matcher')"
"""Holds for connections of peers that no TrafficTarget lets in."""

REFUSED_WHEN = (
    f"(has({_FAILURE}) && {_FAILED})"
    f" || (has(response.code_details) && response.code_details == '{NO_CHAIN}')"
)
"""Holds for connections of which nothing came."""

_EXPRESSION = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
_STATS = "envoy.extensions.access_loggers.stats.v3.Config"


def outbound_http(host: str = "%REQ(:AUTHORITY)%") -> accesslog_pb2.AccessLog:
    """Counts requests by the host asked for, what decided, where they went, and the answer."""
    return _counter(OUTBOUND, {**_HTTP, "host": host})


def proxied() -> tuple[accesslog_pb2.AccessLog, ...]:
    """Count what a pod's HTTP proxy is asked for.

    All hosts outside are one to it. A tunnel to a pod is counted like a connection to its Service
    when it has ended; one to a door is counted by the door.
    """
    external = {
        **_HTTP,
        "host": names.EXTERNAL,
        "policy": "%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%",
    }
    tunnel = {"route": "%ROUTE_NAME%"}
    here = f"{_ROUTE} != '{names.EXTERNAL}'"
    carried = f"{_ROUTE}.startsWith('{names.TUNNEL}/') && response.code == 200"
    refused = f"({_ROUTE} != '{names.TUNNEL}' || response.code != 200)"
    return (
        _counter(OUTBOUND, external, only=f"{_ROUTE} == '{names.EXTERNAL}'"),
        _counter(OUTBOUND, _HTTP, only=f"{here} && {refused} && !({carried})"),
        _counter(OUTBOUND, {**tunnel, "status": OK}, only=f"{carried} && response.size > 0"),
        _counter(OUTBOUND, {**tunnel, "status": FAILED}, only=f"{carried} && response.size == 0"),
    )


def outbound_tcp(root: str) -> tuple[accesslog_pb2.AccessLog, ...]:
    """Count the connections to `root` that ended, by where they went and what came of them.

    A server that refuses the handshake looks, in TLS 1.3, like one that accepts and then closes:
    a connection over which nothing came back is taken for a failure.
    """
    tags = {
        "host": root,
        "route": root,
        "service": f"%UPSTREAM_METADATA({METADATA}:service)%",
        "split": f"%UPSTREAM_METADATA({METADATA}:split)%",
    }
    return (
        _counter(OUTBOUND, {**tags, "status": OK}, only="response.size > 0"),
        _counter(OUTBOUND, {**tags, "status": FAILED}, only="response.size == 0"),
    )


def inbound_http(port: int) -> accesslog_pb2.AccessLog:
    """Counts requests by who called, where, the answer, and the policy that decided.

    A policy is a TrafficTarget that allows, or a reason class that denies. In audit mode the
    verdict of strict mode, and its policy, are in `audit` and `audited`.
    """
    return _counter(
        INBOUND,
        {
            "source": "%DOWNSTREAM_PEER_URI_SAN%",
            "port": str(port),
            "status": "%RESPONSE_CODE%",
            "route": "%ROUTE_NAME%",
            "policy": "%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%",
            "audit": "%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_engine_result)%",
            "audited": "%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_effective_policy_id)%",
        },
    )


def inbound_tcp(port: int, verdict: Verdict) -> accesslog_pb2.AccessLog:
    """Counts the connections that ended, by who called, where, and the verdict of strict mode."""
    tags = {"source": "%DOWNSTREAM_PEER_URI_SAN%", "port": str(port), "audit": verdict}
    return _counter(INBOUND, tags, f"!has({_FAILURE}) || !{_FAILED}")


def inbound_refused(port: int) -> tuple[accesslog_pb2.AccessLog, ...]:
    """Count the connections of which nothing came, by where and why.

    Who called is known of those alone that bear a certificate of the mesh, and are not admitted.
    """
    reached = {"port": str(port)}
    who = {**reached, "source": "%DOWNSTREAM_PEER_URI_SAN%", "reason": NOT_GRANTED}
    failed = {**reached, "reason": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%"}
    strange = {**reached, "reason": NO_CHAIN}
    known = f"{_FAILURE}.contains('SAN matcher')"
    return (
        _counter(REFUSED, who, f"{_FAILED} && {known}"),
        _counter(REFUSED, failed, f"{_FAILED} && !{known}"),
        _counter(REFUSED, strange, f"response.code_details == '{NO_CHAIN}'"),
    )


def where(expression: str) -> accesslog_pb2.AccessLogFilter:
    """Holds where a CEL expression does; one that asks for what is not there does not."""
    found = untyped(_EXPRESSION, {"expression": expression})
    extension = accesslog_pb2.ExtensionFilter(name="expression", typed_config=found)
    return accesslog_pb2.AccessLogFilter(extension_filter=extension)


def _counter(name: str, tags: Mapping[str, str], only: str = "") -> accesslog_pb2.AccessLog:
    config = {
        "stats_scope": {"prefix": PREFIX, "max_counters": MOST_LABEL_SETS},
        "counters": [
            {
                "stat": {
                    "name": name,
                    "tags": [{"name": tag, "value_format": value} for tag, value in tags.items()],
                },
                "value_fixed": 1,
            }
        ],
    }
    log = accesslog_pb2.AccessLog(name="stats", typed_config=untyped(_STATS, config))
    if only:
        log.filter.CopyFrom(where(only))
    return log
