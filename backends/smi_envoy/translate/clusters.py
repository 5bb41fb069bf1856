"""The upstreams of a proxy: one port of a Service as HTTP or as TCP, and the pod's own application.

Between sidecars all is mutual TLS, and what has no sidecar hears plain text. What a connection
carries is said by its server name; ALPN stays free to say which HTTP it is.
"""

from smi.model.service import AppProtocol, OutlierDetection
from smi_envoy.pb.envoy.config.cluster.v3 import (
    circuit_breaker_pb2,
    cluster_pb2,
    outlier_detection_pb2,
)
from smi_envoy.pb.envoy.config.core.v3 import base_pb2, protocol_pb2
from smi_envoy.pb.envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2
from smi_envoy.pb.envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from smi_envoy.pb.envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from smi_envoy.pb.envoy.type.v3 import percent_pb2
from smi_envoy.pb.google.protobuf import any_pb2, duration_pb2, wrappers_pb2
from smi_envoy.translate import names
from smi_envoy.translate.endpoints import PLAIN
from smi_envoy.translate.messages import NEVER, over_ads, packed, seconds
from smi_envoy.translate.tls import mutual_tls_context

# Longer than two lost SYNs (1 s + 2 s on Linux), so that a dropped packet is no failure; a peer
# that is gone is known long before a human gives up.
CONNECT_TIMEOUT = seconds(5)

# An application may end an idle connection at any time, and an HTTP/1 request that meets the end
# is lost: nobody can tell whether it arrived, so it must not be sent again. No application has less
# patience than this, and a busy one has no connection that waits for so long.
APPLICATION_IDLE = seconds(0.1)

# A server says how many streams it takes when it has answered for the first time, and one that is
# sent more before may end the connection and all its streams. RFC 9113 asks servers for no fewer.
APPLICATION_STREAMS = wrappers_pb2.UInt32Value(value=100)

# Shorter than what servers and firewalls usually keep idle connections for (a minute or more).
EXTERNAL_IDLE = seconds(30)

UNLIMITED = wrappers_pb2.UInt32Value(value=2**32 - 1)

Cluster = cluster_pb2.Cluster


def upstream(
    name: str,
    servers: str,
    speaks: AppProtocol,
    oldest_root: str = "",
    outliers: OutlierDetection | None = None,
    *,
    meets_applications: bool = False,
) -> cluster_pb2.Cluster:
    """Peers behind one port, found over EDS, that must prove to be among `servers`.

    Those of which EDS says that they have no sidecar are the applications themselves, and hear
    plain text. It says so of each, so that the cluster stays as it is when they come and go; where
    HTTP `meets_applications`, its connections end before an application would end them.

    Round robin: with one worker, every endpoint of equal weight gets the same number of requests,
    to the unit. Which pods are ready is the Kubernetes API's word: no endpoint is ever ejected but
    where `outliers` ask for it.

    A new `oldest_root` makes it another cluster. The one before ends its connections as they get
    idle, so that no further request goes over one that a certificate of a retired root opened.
    """
    # Doors say more exactly who opens a TCP connection (`listeners.service`).
    tcp = speaks is AppProtocol.TCP
    idle, streams = (APPLICATION_IDLE, APPLICATION_STREAMS) if meets_applications else (NEVER, None)
    return cluster_pb2.Cluster(
        name=name,
        type=Cluster.DiscoveryType.EDS,
        eds_cluster_config=Cluster.EdsClusterConfig(eds_config=over_ads()),
        lb_policy=Cluster.LbPolicy.ROUND_ROBIN,
        # Envoy would hold back a change of weights for up to 1 s.
        common_lb_config=Cluster.CommonLbConfig(
            update_merge_window=NEVER,
            # Envoy would ask ejected endpoints too when half of all are.
            healthy_panic_threshold=percent_pb2.Percent(value=0) if outliers else None,
            locality_weighted_lb_config=Cluster.CommonLbConfig.LocalityWeightedLbConfig()
            if tcp
            else None,
        ),
        connect_timeout=CONNECT_TIMEOUT,
        circuit_breakers=_unlimited(),
        outlier_detection=_ejection(outliers) if outliers else None,
        metadata=_metadata(oldest_root) if oldest_root else None,
        transport_socket_matches=[_plain()],
        transport_socket=_mutual_tls(names.TCP_SNI if tcp else names.HTTP_SNI, servers),
        typed_extension_protocol_options={} if tcp else _as_downstream(idle, streams),
    )


def application() -> cluster_pb2.Cluster:
    """The application beside the proxy, at the address that the listener's filter state names.

    One cluster for every pod and port, so that routes into it are the same for all pods that one
    policy protects.
    """
    return cluster_pb2.Cluster(
        name=names.APPLICATION,
        type=Cluster.DiscoveryType.ORIGINAL_DST,
        lb_policy=Cluster.LbPolicy.CLUSTER_PROVIDED,
        connect_timeout=CONNECT_TIMEOUT,
        circuit_breakers=_unlimited(),
        typed_extension_protocol_options=_as_downstream(APPLICATION_IDLE, APPLICATION_STREAMS),
    )


def own_door(name: str, port: int) -> cluster_pb2.Cluster:
    """A door of the proxy itself: `port` of the address that the listener's filter state names."""
    return cluster_pb2.Cluster(
        name=name,
        type=Cluster.DiscoveryType.ORIGINAL_DST,
        lb_policy=Cluster.LbPolicy.CLUSTER_PROVIDED,
        original_dst_lb_config=Cluster.OriginalDstLbConfig(
            upstream_port_override=wrappers_pb2.UInt32Value(value=port)
        ),
        connect_timeout=CONNECT_TIMEOUT,
        circuit_breakers=_unlimited(),
    )


def of_hosts(name: str, kind: str, config: any_pb2.Any) -> cluster_pb2.Cluster:
    """Whatever hosts requests name, as the cluster type `kind` finds them; in plain text."""
    return cluster_pb2.Cluster(
        name=name,
        cluster_type=Cluster.CustomClusterType(name=kind, typed_config=config),
        lb_policy=Cluster.LbPolicy.CLUSTER_PROVIDED,
        connect_timeout=CONNECT_TIMEOUT,
        circuit_breakers=_unlimited(),
        typed_extension_protocol_options=_as_downstream(EXTERNAL_IDLE, APPLICATION_STREAMS),
    )


def _ejection(outliers: OutlierDetection) -> outlier_detection_pb2.OutlierDetection:
    """By failures in a row alone, each time for as long; failing to connect is one too."""
    ejection = seconds(outliers.ejection_ms / 1000)
    return outlier_detection_pb2.OutlierDetection(
        consecutive_5xx=wrappers_pb2.UInt32Value(value=outliers.failures),
        interval=seconds(outliers.interval_ms / 1000),
        base_ejection_time=ejection,
        max_ejection_time=ejection,
        max_ejection_percent=wrappers_pb2.UInt32Value(value=outliers.most_percent),
        enforcing_consecutive_5xx=wrappers_pb2.UInt32Value(value=100),
        enforcing_consecutive_gateway_failure=wrappers_pb2.UInt32Value(value=0),
        enforcing_success_rate=wrappers_pb2.UInt32Value(value=0),
    )


def _metadata(oldest_root: str) -> base_pb2.Metadata:
    found = base_pb2.Metadata()
    found.filter_metadata["smi-mesh"]["oldest-root"] = oldest_root
    return found


def _plain() -> cluster_pb2.Cluster.TransportSocketMatch:
    """How endpoints are dialled that say so; whatever says nothing of it meets mutual TLS."""
    raw = base_pb2.TransportSocket(name="plain", typed_config=packed(raw_buffer_pb2.RawBuffer()))
    match = cluster_pb2.Cluster.TransportSocketMatch(name="plain", transport_socket=raw)
    match.match.update(PLAIN)
    return match


def _mutual_tls(sni: str, servers: str) -> base_pb2.TransportSocket:
    context = tls_pb2.UpstreamTlsContext(
        common_tls_context=mutual_tls_context(servers),
        sni=sni,
        # A resumed session would carry the verdict of an earlier handshake.
        max_session_keys=wrappers_pb2.UInt32Value(value=0),
    )
    return base_pb2.TransportSocket(name="tls", typed_config=packed(context))


def _as_downstream(
    idle: duration_pb2.Duration, streams: wrappers_pb2.UInt32Value | None
) -> dict[str, any_pb2.Any]:
    """HTTP/1 stays HTTP/1, HTTP/2 stays HTTP/2; a connection waits `idle` for another request.

    Of HTTP/2 no more than `streams` share a connection: what is beyond opens another.
    """
    options = http_protocol_options_pb2.HttpProtocolOptions
    message = options(
        common_http_protocol_options=protocol_pb2.HttpProtocolOptions(idle_timeout=idle),
        use_downstream_protocol_config=options.UseDownstreamHttpConfig(
            http_protocol_options=protocol_pb2.Http1ProtocolOptions(),
            http2_protocol_options=protocol_pb2.Http2ProtocolOptions(
                max_concurrent_streams=streams
            ),
        ),
    )
    return {message.DESCRIPTOR.full_name: packed(message)}


def _unlimited() -> circuit_breaker_pb2.CircuitBreakers:
    """Envoy would fail what exceeds 1024 connections or requests, or 3 retries, at a time."""
    return circuit_breaker_pb2.CircuitBreakers(
        thresholds=[
            circuit_breaker_pb2.CircuitBreakers.Thresholds(
                max_connections=UNLIMITED,
                max_pending_requests=UNLIMITED,
                max_requests=UNLIMITED,
                max_retries=UNLIMITED,
            )
        ]
    )
