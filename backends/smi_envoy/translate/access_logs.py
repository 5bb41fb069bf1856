"""A line of JSON for every request and connection, of the pods that ask for it.

It holds no header, no query and no body, which may be secrets. Every line has the same fields; what
does not apply is null.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from smi.k8s.resource import NamespacedName
from smi_envoy.pb.envoy.config.accesslog.v3 import accesslog_pb2
from smi_envoy.pb.envoy.extensions.access_loggers.stream.v3 import stream_pb2
from smi_envoy.translate import statistics
from smi_envoy.translate.messages import packed

AccessLogs = Sequence[accesslog_pb2.AccessLog]

_POLICY: Final = "%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%"

_EVERY: Final[Mapping[str, str | int | None]] = {
    "time": "%START_TIME%",
    "direction": None,
    "pod": None,
    "port": None,
    "source": None,
    "destination": None,
    "address": None,
    "route": None,
    "upstream": None,
    "policy": None,
    "protocol": None,
    "method": None,
    "path": None,
    "status": None,
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "failure": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
    "requestBytes": "%BYTES_RECEIVED%",
    "responseBytes": "%BYTES_SENT%",
    "durationMs": "%DURATION%",
}

_REQUEST: Final = {
    "protocol": "%PROTOCOL%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:PATH)%",
    "status": "%RESPONSE_CODE%",
}

_OUTBOUND: Final = {
    "direction": "outbound",
    "source": "%UPSTREAM_LOCAL_URI_SAN%",
    "destination": "%UPSTREAM_PEER_URI_SAN%",
    "address": "%UPSTREAM_REMOTE_ADDRESS%",
    "upstream": "%UPSTREAM_CLUSTER%",
}

_INBOUND: Final = {
    "direction": "inbound",
    "source": "%DOWNSTREAM_PEER_URI_SAN%",
    "destination": "%DOWNSTREAM_LOCAL_URI_SAN%",
    "address": "%DOWNSTREAM_REMOTE_ADDRESS%",
}


def outbound_http(pod: NamespacedName) -> AccessLogs:
    """What `pod` asked."""
    return (_line({**_OUTBOUND, **_REQUEST, "pod": str(pod), "route": "%ROUTE_NAME%"}),)


def outbound_tcp(pod: NamespacedName, route: str) -> AccessLogs:
    """The connections of `pod` to the Service and port that `route` names."""
    return (_line({**_OUTBOUND, "protocol": "TCP", "pod": str(pod), "route": route}),)


def inbound_http(pod: NamespacedName, port: int) -> AccessLogs:
    """What was asked at `port` of `pod`, and by whose grant, or why not."""
    return (_line({**_at(pod, port), **_REQUEST, "policy": _POLICY}),)


def inbound_tcp(pod: NamespacedName, port: int) -> AccessLogs:
    """The connections to `port` of `pod` that were not refused."""
    return (_line({**_at(pod, port), "protocol": "TCP"}, only=f"!({statistics.REFUSED_WHEN})"),)


def inbound_refused(pod: NamespacedName, port: int) -> AccessLogs:
    """The connections to `port` of `pod` that came to nothing, and why."""
    refused, denied = statistics.REFUSED_WHEN, statistics.NOT_GRANTED_WHEN
    known = {**_at(pod, port), "protocol": "TCP", "policy": statistics.NOT_GRANTED}
    return _line(known, denied), _line(_at(pod, port), f"({refused}) && !({denied})")


def _at(pod: NamespacedName, port: int) -> Mapping[str, str | int]:
    return {**_INBOUND, "pod": str(pod), "port": port}


def _line(fields: Mapping[str, str | int], only: str = "") -> accesslog_pb2.AccessLog:
    config = stream_pb2.StdoutAccessLog()
    config.log_format.json_format.update({**_EVERY, **fields})
    line = accesslog_pb2.AccessLog(name="lines", typed_config=packed(config))
    if only:
        line.filter.CopyFrom(statistics.where(only))
    return line
