"""HTTP as every proxy speaks it: nothing added, nothing taken away, paths in one normal form."""

from collections.abc import Iterable

from google.protobuf.message import Message

from smi.model.denial import Denial
from smi.model.identity import PodUid
from smi_envoy.pb.envoy.config.accesslog.v3 import accesslog_pb2
from smi_envoy.pb.envoy.config.core.v3 import base_pb2, protocol_pb2
from smi_envoy.pb.envoy.config.listener.v3 import listener_components_pb2
from smi_envoy.pb.envoy.config.rbac.v3 import rbac_pb2 as policy_pb2
from smi_envoy.pb.envoy.extensions.filters.http.rbac.v3 import rbac_pb2
from smi_envoy.pb.envoy.extensions.filters.http.router.v3 import router_pb2
from smi_envoy.pb.envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)
from smi_envoy.pb.envoy.type.matcher.v3 import regex_pb2, string_pb2
from smi_envoy.pb.google.protobuf import wrappers_pb2
from smi_envoy.translate import forwarding, names
from smi_envoy.translate.messages import NEVER, over_ads, packed, untyped
from smi_envoy.translate.statistics import where

AUTHORIZATION = "envoy.filters.http.rbac"
"""The filter that routes give their judgement to."""

_DENIALS = {
    Denial.NO_POLICY: "no TrafficTarget opens this workload.",
    Denial.SOURCE_NOT_LISTED: "no TrafficTarget that opens this workload lists this caller.",
    Denial.PROTOCOL_NOT_GRANTED: "the TrafficTargets that list this caller grant UDP only.",
    Denial.PORT_NOT_GRANTED: "no TrafficTarget that lists this caller grants this port.",
    Denial.ROUTE_NOT_GRANTED: "no TrafficTarget that lists this caller grants this request.",
}
"""What the caller is told: the class of the reason, and nothing of the policy."""

# > A server MAY ignore a received Upgrade header field if it wishes to continue using the current
# > protocol on that connection.   (RFC 9110, 7.8)
# Envoy would answer 403; what it is to ignore has to be said in a regex that knows no "not".
_WEBSOCKET = "websocket"
_NO_WEBSOCKET = string_pb2.StringMatcher(
    safe_regex=regex_pb2.RegexMatcher(
        regex="(?i)"
        + "|".join(f"{_WEBSOCKET[:at]}([^{_WEBSOCKET[at]}].*)?" for at in range(len(_WEBSOCKET)))
        + f"|{_WEBSOCKET}.+"
    )
)

_SET_FILTER_STATE = "envoy.extensions.filters.http.set_filter_state.v3.Config"

Manager = hcm_pb2.HttpConnectionManager


def outbound(
    name: str, routes: str, logs: Iterable[accesslog_pb2.AccessLog], host: str
) -> listener_components_pb2.Filter:
    """What the application's requests meet. `host` stands in where HTTP/1.0 names none."""
    manager = _manager(name, routes, logs)
    manager.http_protocol_options.default_host_for_http_10 = host
    manager.http_filters.extend([_path_state(), _http_filter("router", _router())])
    return network_filter("http", manager)


def proxy(
    name: str, routes: str, logs: Iterable[accesslog_pb2.AccessLog], uid: PodUid
) -> listener_components_pb2.Filter:
    """What the requests of the pod `uid` meet that name their Service themselves."""
    manager = _manager(name, routes, logs)
    manager.http_protocol_options.default_host_for_http_10 = "unknown"
    manager.upgrade_configs.add(upgrade_type=forwarding.CONNECT)
    manager.http_filters.extend(
        [_path_state(), *forwarding.filters(uid), _http_filter("router", _router())]
    )
    manager.local_reply_config.mappers.extend(forwarding.replies())
    return network_filter("http", manager)


def inbound(
    name: str, routes: str, logs: Iterable[accesslog_pb2.AccessLog]
) -> listener_components_pb2.Filter:
    """What a peer's requests meet. `routes` carry the judgement; without one all are denied."""
    manager = _manager(name, routes, logs)
    manager.forward_client_cert_details = Manager.ForwardClientCertDetails.SANITIZE_SET
    manager.set_current_client_cert_details.uri = True
    deny = rbac_pb2.RBAC(rules=policy_pb2.RBAC(action=policy_pb2.RBAC.Action.ALLOW))
    manager.http_filters.extend(
        [_path_state(), _http_filter(AUTHORIZATION, deny), _http_filter("router", _router())]
    )
    manager.local_reply_config.CopyFrom(_replies())
    return network_filter("http", manager)


def network_filter(name: str, message: Message) -> listener_components_pb2.Filter:
    """A filter of a listener's chain."""
    return listener_components_pb2.Filter(name=name, typed_config=packed(message))


def _manager(name: str, routes: str, logs: Iterable[accesslog_pb2.AccessLog]) -> Manager:
    escaped = Manager.PathWithEscapedSlashesAction.KEEP_UNCHANGED
    return Manager(
        stat_prefix=name,
        codec_type=Manager.CodecType.AUTO,
        rds=hcm_pb2.Rds(route_config_name=routes, config_source=over_ads()),
        access_log=logs,
        normalize_path=wrappers_pb2.BoolValue(value=True),
        merge_slashes=True,
        path_with_escaped_slashes_action=escaped,
        http_protocol_options=protocol_pb2.Http1ProtocolOptions(
            accept_http_10=True,
            allow_custom_methods=True,
            ignore_http_11_upgrade=[_NO_WEBSOCKET],
        ),
        # Whether a body is wanted is the application's to say.
        proxy_100_continue=True,
        common_http_protocol_options=protocol_pb2.HttpProtocolOptions(idle_timeout=NEVER),
        stream_idle_timeout=NEVER,
        # A connection that is to close does so when all is sent, however slowly that is read. Envoy
        # would give a reader a second, and cut the rest of the answer off.
        delayed_close_timeout=NEVER,
        upgrade_configs=[Manager.UpgradeConfig(upgrade_type=_WEBSOCKET)],
        server_header_transformation=Manager.ServerHeaderTransformation.PASS_THROUGH,
        generate_request_id=wrappers_pb2.BoolValue(value=False),
    )


def _path_state() -> hcm_pb2.HttpFilter:
    """Keeps the path for matchers. Routes are found before filters run, so they are found anew."""
    state = {
        "object_key": names.PATH_STATE,
        "factory_key": "envoy.string",
        "format_string": {"text_format_source": {"inline_string": "%PATH(NQ:PATH)%"}},
    }
    config = {"on_request_headers": [state], "clear_route_cache": True}
    return hcm_pb2.HttpFilter(name="path", typed_config=untyped(_SET_FILTER_STATE, config))


def _router() -> router_pb2.Router:
    return router_pb2.Router(suppress_envoy_headers=True)


def _http_filter(name: str, message: Message) -> hcm_pb2.HttpFilter:
    return hcm_pb2.HttpFilter(name=name, typed_config=packed(message))


def _replies() -> hcm_pb2.LocalReplyConfig:
    """What the proxy answers itself says why; the application's answers pass as they are."""
    return hcm_pb2.LocalReplyConfig(
        mappers=[*(_denial(reason, text) for reason, text in _DENIALS.items()), _unreached()]
    )


def _denial(reason: Denial, text: str) -> hcm_pb2.ResponseMapper:
    details = f"rbac_access_denied_matched_policy[{reason}]"
    return hcm_pb2.ResponseMapper(
        filter=where(f"response.code_details == '{details}'"),
        body=base_pb2.DataSource(inline_string=f"smi-mesh: {reason}: {text}\n"),
    )


def _unreached() -> hcm_pb2.ResponseMapper:
    """No connection to the application was made: the caller's sidecar may ask another pod."""
    failed = accesslog_pb2.AccessLogFilter(
        response_flag_filter=accesslog_pb2.ResponseFlagFilter(flags=["UF"])
    )
    of_sidecar = where("connection.mtls")
    said = base_pb2.HeaderValue(key=names.UNREACHED, value="true")
    return hcm_pb2.ResponseMapper(
        filter=accesslog_pb2.AccessLogFilter(
            and_filter=accesslog_pb2.AndFilter(filters=[failed, of_sidecar])
        ),
        headers_to_add=[base_pb2.HeaderValueOption(header=said)],
    )
