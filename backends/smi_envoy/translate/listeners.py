"""The doors of a pod that has no network of its own: to its application, and out of it."""

from collections.abc import Iterable, Sequence
from typing import assert_never

from google.protobuf.message import Message

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.inbound import Mode
from smi.model.service import AppProtocol
from smi.model.workload import PolicyGroup
from smi_envoy.pb.envoy.config.accesslog.v3 import accesslog_pb2
from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from smi_envoy.pb.envoy.extensions.filters.listener.http_inspector.v3 import http_inspector_pb2
from smi_envoy.pb.envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from smi_envoy.pb.envoy.extensions.filters.network.set_filter_state.v3 import (
    set_filter_state_pb2,
)
from smi_envoy.pb.envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from smi_envoy.pb.envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from smi_envoy.pb.google.protobuf import duration_pb2, wrappers_pb2
from smi_envoy.translate import http, names, statistics
from smi_envoy.translate.messages import NEVER, filter_state, packed, seconds, socket
from smi_envoy.translate.tls import mutual_tls_context

# What Envoy's original-destination cluster takes the address from.
APPLICATION_ADDRESS = "envoy.network.transport_socket.original_dst_address"

# How long an undeclared port waits for a client's first bytes before it takes the protocol for
# one in which the server speaks first. Declared ports do not wait.
DETECTION = seconds(0.3)

# A peer that opens no TLS handshake is no sidecar; it is let go without a long wait.
HANDSHAKE = seconds(5)

# Where policy does not bind, who says nothing may be a client of a server that speaks first.
SILENCE = seconds(1)

# What Envoy's HTTP inspector calls what it finds.
HTTP_AS_SEEN = ("http/1.0", "http/1.1", "h2c")

CONNECT_ATTEMPTS = 3  # a connection that was not made has carried nothing: another pod may take it

LOCALHOST = "127.0.0.1"

FilterChain = listener_components_pb2.FilterChain


def inbound(
    pod: NamespacedName,
    group: PolicyGroup,
    port: int,
    address: tuple[str, int],
    application: int,
    mode: Mode = Mode.STRICT,
) -> listener_pb2.Listener:
    """The door to one port of a pod, at `address`: mutual TLS, HTTP and TCP told apart by SNI.

    Nothing here depends on policy but its mode: a change of a listener costs connections. Where
    policy does not bind, others than sidecars come in too, by plain text or their own TLS.
    """
    name = names.inbound_listener(pod, port)
    state = set_filter_state_pb2.Config(
        on_new_connection=[filter_state(APPLICATION_ADDRESS, f"{LOCALHOST}:{application}")]
    )
    to_application = http.network_filter("application", state)
    requests = http.inbound(name, names.inbound(group, port), statistics.inbound_http(port))
    connections = _tcp_proxy(name, names.APPLICATION, [statistics.inbound_tcp(port)])
    peers = [
        _peers(names.HTTP_SNI, names.PEERS, [to_application, requests], ("h2", "http/1.1")),
        _peers(names.TCP_SNI, names.clients(group, port), [to_application, connections]),
    ]
    inbound = base_pb2.TrafficDirection.INBOUND
    tls = tls_inspector_pb2.TlsInspector()
    if mode is Mode.STRICT:
        return _listener(name, address, peers, inbound, inspectors=[tls], inspection=HANDSHAKE)
    strangers = [
        _strangers("plain-http", [to_application, requests], "raw_buffer", HTTP_AS_SEEN),
        _strangers("plain", [to_application, connections], "raw_buffer"),
        _strangers("foreign-tls", [to_application, connections], "tls"),
    ]
    return _listener(
        name,
        address,
        [*peers, *strangers],
        inbound,
        inspectors=[tls, http_inspector_pb2.HttpInspector()],
        inspection=SILENCE,
    )


def proxy(
    pod: NamespacedName, identity: ServiceIdentity, address: tuple[str, int]
) -> listener_pb2.Listener:
    """The HTTP proxy of a pod, at `address`: the request's host selects the Service."""
    name = names.proxy_listener(pod)
    routes = names.outbound_client(identity)
    requests = http.outbound(name, routes, statistics.outbound_http(), host="unknown")
    return _listener(
        name, address, [FilterChain(filters=[requests])], base_pb2.TrafficDirection.OUTBOUND
    )


def service(
    pod: NamespacedName,
    root: NamespacedName,
    port: int,
    speaks: AppProtocol,
    address: tuple[str, int],
) -> listener_pb2.Listener:
    """The door to one port of a Service, at `address`: whoever dials it means that Service."""
    name = names.service_listener(pod, root, port)
    host = f"{root.name}.{root.namespace}:{port}"
    requests = http.outbound(
        name, names.outbound_service(root, port), statistics.outbound_http(), host
    )
    cluster = names.upstream(root, port, AppProtocol.TCP)
    connections = _tcp_proxy(name, cluster, statistics.outbound_tcp(f"{root}:{port}"))
    outbound = base_pb2.TrafficDirection.OUTBOUND
    match speaks:
        case AppProtocol.HTTP:
            return _listener(name, address, [FilterChain(filters=[requests])], outbound)
        case AppProtocol.TCP:
            return _listener(name, address, [FilterChain(filters=[connections])], outbound)
        case AppProtocol.DETECT:
            return _listener(
                name,
                address,
                [_http_only(requests), FilterChain(filters=[connections])],
                outbound,
                inspectors=[http_inspector_pb2.HttpInspector()],
                inspection=DETECTION,
            )
        case _:
            assert_never(speaks)


def _listener(
    name: str,
    address: tuple[str, int],
    chains: Iterable[listener_components_pb2.FilterChain],
    direction: base_pb2.TrafficDirection.ValueType,
    *,
    inspectors: Sequence[Message] = (),
    inspection: duration_pb2.Duration | None = None,
) -> listener_pb2.Listener:
    filters = [
        listener_components_pb2.ListenerFilter(
            name=f"inspector-{number}", typed_config=packed(inspector)
        )
        for number, inspector in enumerate(inspectors)
    ]
    return listener_pb2.Listener(
        name=name,
        address=socket(*address),
        filter_chains=chains,
        listener_filters=filters,
        listener_filters_timeout=inspection,
        continue_on_listener_filters_timeout=bool(inspectors),
        traffic_direction=direction,
    )


def _peers(
    sni: str,
    validation: str,
    filters: Iterable[listener_components_pb2.Filter],
    alpn: Iterable[str] = (),
) -> listener_components_pb2.FilterChain:
    context = tls_pb2.DownstreamTlsContext(
        common_tls_context=mutual_tls_context(validation),
        require_client_certificate=wrappers_pb2.BoolValue(value=True),
        # A resumed session would carry the verdict of an earlier handshake.
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
    )
    context.common_tls_context.alpn_protocols.extend(alpn)
    return FilterChain(
        name=sni,
        filter_chain_match=listener_components_pb2.FilterChainMatch(
            server_names=[sni], transport_protocol="tls"
        ),
        transport_socket=base_pb2.TransportSocket(name="tls", typed_config=packed(context)),
        filters=filters,
    )


def _strangers(
    name: str,
    filters: Iterable[listener_components_pb2.Filter],
    transport: str,
    protocols: Iterable[str] = (),
) -> listener_components_pb2.FilterChain:
    """Callers without an identity, whose bytes are passed on as they are."""
    return FilterChain(
        name=name,
        filter_chain_match=listener_components_pb2.FilterChainMatch(
            transport_protocol=transport, application_protocols=protocols
        ),
        filters=filters,
    )


def _http_only(
    requests: listener_components_pb2.Filter,
) -> listener_components_pb2.FilterChain:
    return FilterChain(
        name="http",
        filter_chain_match=listener_components_pb2.FilterChainMatch(
            application_protocols=HTTP_AS_SEEN
        ),
        filters=[requests],
    )


def _tcp_proxy(
    name: str, cluster: str, logs: Iterable[accesslog_pb2.AccessLog]
) -> listener_components_pb2.Filter:
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
