"""Through which chain of a pod's inbound listener a connection goes, and who may.

HTTP and TCP between sidecars are told apart by SNI, since ALPN has to stay free to say which HTTP
it is.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid
from smi.model.inbound import Mode
from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.config.listener.v3 import listener_components_pb2
from smi_envoy.pb.envoy.extensions.filters.network.set_filter_state.v3 import (
    set_filter_state_pb2,
)
from smi_envoy.pb.envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from smi_envoy.pb.google.protobuf import wrappers_pb2
from smi_envoy.translate import access_logs, http, names, statistics, tcp
from smi_envoy.translate.access_logs import AccessLogs
from smi_envoy.translate.messages import filter_state, packed
from smi_envoy.translate.statistics import Verdict
from smi_envoy.translate.tls import SanType, Subject, mutual_tls_context, subject
from smi_envoy.xds.resources import NOBODY

# What Envoy's original-destination cluster takes the address from.
APPLICATION_ADDRESS = "envoy.network.transport_socket.original_dst_address"

HTTP_ALPN = ("h2", "http/1.1")

# What Envoy's HTTP inspector calls what it finds.
HTTP_AS_SEEN = ("http/1.0", "http/1.1", "h2c")

LOCALHOST = "127.0.0.1"

Filter = listener_components_pb2.Filter
FilterChain = listener_components_pb2.FilterChain


class Admission(NamedTuple):
    """The pods that policy lets open TCP connections, and how far it binds the others."""

    tcp_clients: frozenset[PodUid]
    mode: Mode


def inbound(
    pod: NamespacedName, port: int, application: int, admission: Admission, *, logs: bool = False
) -> Iterator[FilterChain]:
    """The chains that lead to one port of a pod, whose application listens on `application`.

    Every pod of `admission` has one of its own for TCP. It is the same bytes whatever grants it,
    whoever else has one, and in every mode, so that an edit ends no connection that stays allowed.
    """
    name = names.inbound(pod, port)
    of_requests = access_logs.inbound_http(pod, port) if logs else ()
    of_bytes = access_logs.inbound_tcp(pod, port) if logs else ()
    counted = [statistics.inbound_http(port), *of_requests]
    requests = (_to(application), http.inbound(name, name, counted))
    yield _peers(names.HTTP_SNI, names.HTTP_SNI, (), requests, HTTP_ALPN)
    granted = _bytes(name, port, application, Verdict.ALLOWED, of_bytes)
    for uid in sorted(admission.tcp_clients):
        yield _peers(f"tcp/{uid}", names.tcp_sni(uid), [subject(SanType.DNS, uid)], granted)
    others = _bytes(name, port, application, Verdict.DENIED, of_bytes)
    open_to_all = admission.mode is not Mode.STRICT
    # In strict mode they are refused in the handshake, which tells who they are.
    anybody = () if open_to_all else [subject(SanType.URI, NOBODY)]
    yield _peers("tcp/others", f"*.{names.TCP_SNI}", anybody, others)
    if open_to_all:
        yield _strangers("plain-http", requests, "raw_buffer", HTTP_AS_SEEN)
        yield _strangers("plain", others, "raw_buffer")
        yield _strangers("foreign-tls", others, "tls")


def _bytes(
    name: str, port: int, application: int, verdict: Verdict, logs: AccessLogs
) -> tuple[Filter, ...]:
    every = [statistics.inbound_tcp(port, verdict), *logs]
    return _to(application), tcp.proxy(name, names.APPLICATION, every)


def _to(application: int) -> Filter:
    address = filter_state(APPLICATION_ADDRESS, f"{LOCALHOST}:{application}")
    state = set_filter_state_pb2.Config(on_new_connection=[address])
    return http.network_filter("application", state)


def _peers(
    name: str,
    sni: str,
    subjects: Iterable[Subject],
    filters: Iterable[Filter],
    alpn: Iterable[str] = (),
) -> FilterChain:
    """Who shows `sni` and proves to be one of `subjects`; any peer, if there is none."""
    context = tls_pb2.DownstreamTlsContext(
        common_tls_context=mutual_tls_context(names.PEERS, subjects),
        require_client_certificate=wrappers_pb2.BoolValue(value=True),
        # A resumed session would carry the verdict of an earlier handshake.
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
    )
    context.common_tls_context.alpn_protocols.extend(alpn)
    return FilterChain(
        name=name,
        filter_chain_match=listener_components_pb2.FilterChainMatch(
            server_names=[sni], transport_protocol="tls"
        ),
        transport_socket=base_pb2.TransportSocket(name="tls", typed_config=packed(context)),
        filters=filters,
    )


def _strangers(
    name: str,
    filters: Iterable[Filter],
    transport: str,
    protocols: Iterable[str] = (),
) -> FilterChain:
    """Callers without an identity, whose bytes are passed on as they are."""
    return FilterChain(
        name=name,
        filter_chain_match=listener_components_pb2.FilterChainMatch(
            transport_protocol=transport, application_protocols=protocols
        ),
        filters=filters,
    )
