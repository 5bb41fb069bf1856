"""TCP as every proxy carries it: bytes as they come, for as long as both ends want."""

from collections.abc import Iterable

from smi_envoy.pb.envoy.config.accesslog.v3 import accesslog_pb2
from smi_envoy.pb.envoy.config.listener.v3 import listener_components_pb2
from smi_envoy.pb.envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from smi_envoy.pb.google.protobuf import wrappers_pb2
from smi_envoy.translate import http
from smi_envoy.translate.messages import NEVER

CONNECT_ATTEMPTS = 3  # a connection that was not made has carried nothing: another pod may take it


def proxy(
    name: str, cluster: str, logs: Iterable[accesslog_pb2.AccessLog]
) -> listener_components_pb2.Filter:
    """Carries a connection to an endpoint of `cluster`."""
    return http.network_filter(
        "tcp",
        tcp_proxy_pb2.TcpProxy(
            stat_prefix=name,
            cluster=cluster,
            access_log=logs,
            idle_timeout=NEVER,
            max_connect_attempts=wrappers_pb2.UInt32Value(value=CONNECT_ATTEMPTS),
        ),
    )
