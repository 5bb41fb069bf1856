"""The doors of a pod that has no network of its own: to its application, and out of it."""

from collections.abc import Iterable, Sequence
from typing import assert_never

from google.protobuf.message import Message

from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity
from smi.model.service import AppProtocol
from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from smi_envoy.pb.envoy.extensions.filters.listener.http_inspector.v3 import http_inspector_pb2
from smi_envoy.pb.envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from smi_envoy.pb.envoy.extensions.filters.network.set_filter_state.v3 import (
    set_filter_state_pb2,
)
from smi_envoy.pb.google.protobuf import duration_pb2
from smi_envoy.translate import access_logs, chains, http, names, statistics, tcp
from smi_envoy.translate.chains import HTTP_AS_SEEN, Admission
from smi_envoy.translate.forwarding import SERVER_NAME
from smi_envoy.translate.messages import filter_state, packed, seconds, socket

# A client that says nothing for so long is one whose server speaks first; a peer that opens no TLS
# handshake, no sidecar. In strict mode it is let go: one time for all modes, because a change of
# mode must not be one of the listener. Long, since a client may only be busy, and its HTTP would be
# taken for bytes; declared ports do not wait for theirs.
SILENCE = seconds(2)

FilterChain = listener_components_pb2.FilterChain


def inbound(
    pod: NamespacedName,
    port: int,
    address: tuple[str, int],
    application: int,
    admission: Admission,
    *,
    logs: bool = False,
) -> listener_pb2.Listener:
    """The door to one port of a pod, at `address`; the application listens on `application`.

    Only its filter chains depend on policy: Envoy keeps the connections of chains that it finds
    again in a change of the listener, and ends those of a chain that is gone.
    """
    listener = _listener(
        names.inbound(pod, port),
        address,
        chains.inbound(pod, port, application, admission, logs=logs),
        base_pb2.TrafficDirection.INBOUND,
        inspectors=[tls_inspector_pb2.TlsInspector(), http_inspector_pb2.HttpInspector()],
        inspection=SILENCE,
    )
    listener.access_log.extend(statistics.inbound_refused(port))
    listener.access_log.extend(access_logs.inbound_refused(pod, port) if logs else ())
    return listener


def proxy(
    pod: NamespacedName,
    uid: PodUid,
    identity: ServiceIdentity,
    address: tuple[str, int],
    *,
    logs: bool = False,
) -> listener_pb2.Listener:
    """The HTTP proxy of a pod, at `address`: the request's host selects the Service.

    Its doors, to which tunnels lead, are at other ports of the same address.
    """
    name = names.proxy_listener(pod)
    routes = names.outbound_client(identity)
    lines = access_logs.outbound_http(pod) if logs else ()
    own = set_filter_state_pb2.Config(
        on_new_connection=[filter_state(chains.APPLICATION_ADDRESS, ":".join(map(str, address)))]
    )
    filters = [
        http.network_filter("own", own),
        http.proxy(name, routes, [*statistics.proxied(), *lines], uid),
    ]
    return _listener(
        name, address, [FilterChain(filters=filters)], base_pb2.TrafficDirection.OUTBOUND
    )


def service(
    pod: NamespacedName,
    uid: PodUid,
    root: NamespacedName,
    port: int,
    speaks: AppProtocol,
    address: tuple[str, int],
    *,
    logs: bool = False,
) -> listener_pb2.Listener:
    """The door to one port of a Service, at `address`: whoever dials it means that Service.

    TCP connections show the name of the pod, under which servers have a chain for it.
    """
    name = names.service_listener(pod, root, port)
    host = f"{root.name}.{root.namespace}:{port}"
    of_requests = access_logs.outbound_http(pod) if logs else ()
    route = str(names.RouteName(root, port))
    of_connections = access_logs.outbound_tcp(pod, route) if logs else ()
    requests = http.outbound(
        name, names.outbound_service(root, port), [statistics.outbound_http(), *of_requests], host
    )
    cluster = names.upstream(root, port, AppProtocol.TCP)
    shown = set_filter_state_pb2.Config(
        on_new_connection=[filter_state(SERVER_NAME, names.tcp_sni(uid))]
    )
    connections = [
        http.network_filter("shown", shown),
        tcp.proxy(name, cluster, [*statistics.outbound_tcp(route), *of_connections]),
    ]
    outbound = base_pb2.TrafficDirection.OUTBOUND
    match speaks:
        case AppProtocol.HTTP:
            return _listener(name, address, [FilterChain(filters=[requests])], outbound)
        case AppProtocol.TCP:
            return _listener(name, address, [FilterChain(filters=connections)], outbound)
        case AppProtocol.DETECT:
            return _listener(
                name,
                address,
                [_http_only(requests), FilterChain(filters=connections)],
                outbound,
                inspectors=[http_inspector_pb2.HttpInspector()],
                inspection=SILENCE,
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
