"""What proxies count, by which labels: what `smi_envoy.queries` reads back."""

from collections.abc import Mapping

from smi_envoy.pb.envoy.config.accesslog.v3 import accesslog_pb2
from smi_envoy.translate.endpoints import METADATA
from smi_envoy.translate.messages import untyped

PREFIX = "smi"
OUTBOUND = "outbound"
INBOUND = "inbound"

OK = "ok"
FAILED = "failed"

MOST_LABEL_SETS = 5000  # of one logger; what a caller invents (hosts, methods) must not fill memory

_EXPRESSION = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
_STATS = "envoy.extensions.access_loggers.stats.v3.Config"


def outbound_http(host: str = "%REQ(:AUTHORITY)%") -> accesslog_pb2.AccessLog:
    """Counts requests by the host asked for, what decided, where they went, and the answer."""
    return _counter(
        OUTBOUND,
        {
            "host": host,
            "route": "%ROUTE_NAME%",
            "cluster": "%UPSTREAM_CLUSTER%",
            "status": "%RESPONSE_CODE%",
        },
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
        _counter(OUTBOUND, {**tags, "status": OK}, where="response.size > 0"),
        _counter(OUTBOUND, {**tags, "status": FAILED}, where="response.size == 0"),
    )


def inbound_http(port: int) -> accesslog_pb2.AccessLog:
    """Counts requests by who called, where, the answer, and the policy that decided.

    In audit mode also by what strict mode would have decided (`allowed`, `denied`).
    """
    return _counter(
        INBOUND,
        {
            "source": "%DOWNSTREAM_PEER_URI_SAN%",
            "port": str(port),
            "status": "%RESPONSE_CODE%",
            "policy": "%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%",
            "audit": "%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_engine_result)%",
        },
    )


def inbound_tcp(port: int) -> accesslog_pb2.AccessLog:
    """Counts the connections that ended, by who called, where, and why the handshake failed."""
    tags = {
        "source": "%DOWNSTREAM_PEER_URI_SAN%",
        "port": str(port),
        "failure": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
    }
    return _counter(INBOUND, tags)


def _counter(name: str, tags: Mapping[str, str], where: str = "") -> accesslog_pb2.AccessLog:
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
    if where:
        expression = untyped(_EXPRESSION, {"expression": where})
        log.filter.extension_filter.name = "expression"
        log.filter.extension_filter.typed_config.CopyFrom(expression)
    return log
