"""Where requests go: out to the Services that a client may call, in to its own application."""

from collections.abc import Iterable
from itertools import product

from smi.model.inbound import Inbound, Mode
from smi.model.outbound import Route, Split
from smi.model.service import AppProtocol
from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.config.route.v3 import route_components_pb2, route_pb2
from smi_envoy.pb.envoy.extensions.filters.http.rbac.v3 import rbac_pb2
from smi_envoy.pb.envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2
from smi_envoy.pb.envoy.type.matcher.v3 import regex_pb2
from smi_envoy.pb.google.protobuf import wrappers_pb2
from smi_envoy.translate import authorization, http, matching, names
from smi_envoy.translate.messages import NEVER, packed

# Only what cannot have reached an application.
SAFE_RETRIES = "connect-failure,refused-stream,reset-before-request"

# The server's sidecar may say so too.
PEER_RETRIES = f"{SAFE_RETRIES},retriable-headers"

EVERYTHING = ("*",)

_CALLER = "x-forwarded-client-cert"

# CGI, WSGI and their like hand `-` and `_` to an application as one letter: what is said under such
# a name would be read as the caller. Envoy knows the name itself alone.
_READ_AS_CALLER = [
    name
    for joined in product("-_", repeat=3)
    if (name := "x{}forwarded{}client{}cert".format(*joined)) != _CALLER
]

# > The sum of all weights must not exceed uint32_t maximum.   (WeightedCluster.clusters)
MOST_WEIGHT = 2**32 - 1


def of_service(route: Route) -> route_pb2.RouteConfiguration:
    """The routes of a listener that stands for one port of a Service, whatever the host says."""
    return route_pb2.RouteConfiguration(
        name=names.outbound_service(route.root, route.port),
        virtual_hosts=[virtual_host(route, EVERYTHING)],
    )


def of_application(name: str, inbound: Inbound | None, port: int) -> route_pb2.RouteConfiguration:
    """The routes into one port of the application, and the judgement over them."""
    routes = [to("", names.APPLICATION)]
    strict = authorization.mode_of(inbound) is Mode.STRICT
    if strict and authorization.judges_paths(authorization.rules_at(inbound, port)):
        routes.insert(0, _escaped_slash())
    host = route_components_pb2.VirtualHost(
        name="application",
        domains=EVERYTHING,
        routes=routes,
        typed_per_filter_config={
            http.AUTHORIZATION: packed(authorization.http_authorization(inbound, port))
        },
    )
    return route_pb2.RouteConfiguration(
        name=name, virtual_hosts=[host], request_headers_to_remove=_READ_AS_CALLER
    )


def virtual_host(
    route: Route, domains: Iterable[str], tunnel: route_components_pb2.Route | None = None
) -> route_components_pb2.VirtualHost:
    """The first split that selects a request decides, else the root receives it.

    What CONNECT asks for goes where `tunnel` says.
    """
    host = route_components_pb2.VirtualHost(name=f"{route.root}:{route.port}", domains=domains)
    otherwise = _to_root(route)
    choices = []
    for split in route.splits:
        if split.matches is None:
            otherwise = _to_split(route, split)
            break
        if split.matches:
            action = matching.action(_to_split(route, split))
            choices.append((matching.any_of(split.matches), action))
    if choices:
        if tunnel is not None:
            choices.insert(0, (matching.connect(), matching.action(tunnel)))
        host.matcher.CopyFrom(matching.first(choices, otherwise=matching.action(otherwise)))
    else:
        host.routes.extend([otherwise] if tunnel is None else [tunnel, otherwise])
    return host


def _to_root(route: Route) -> route_components_pb2.Route:
    return to_peers(
        str(names.RouteName(route.root, route.port)),
        names.upstream(route.root, route.port, AppProtocol.HTTP),
    )


def _to_split(route: Route, split: Split) -> route_components_pb2.Route:
    name = str(names.RouteName(route.root, route.port, split.name))
    if not split.destinations:
        unavailable = (
            f"smi-mesh: NoDestination: TrafficSplit {split.name} has no Service"
            f" that takes requests on port {route.port}.\n"
        )
        return answer(name, 503, unavailable)
    weighted = route_components_pb2.WeightedCluster(
        clusters=[
            route_components_pb2.WeightedCluster.ClusterWeight(
                name=names.upstream(destination.service, route.port, AppProtocol.HTTP),
                weight=wrappers_pb2.UInt32Value(value=weight),
            )
            for destination, weight in zip(split.destinations, _weights(split), strict=True)
        ]
    )
    found = to_peers(name, "")
    found.route.weighted_clusters.CopyFrom(weighted)
    return found


def _weights(split: Split) -> Iterable[int]:
    """As they are, or in proportion where their sum is more than Envoy takes."""
    weights = [destination.weight for destination in split.destinations]
    total = sum(weights)
    if total <= MOST_WEIGHT:
        return weights
    # Half, so that what rounding up adds still fits.
    return [max(1, weight * (MOST_WEIGHT // 2) // total) for weight in weights]


def to(name: str, cluster: str) -> route_components_pb2.Route:
    """A route of every request to `cluster`."""
    return route_components_pb2.Route(
        name=name,
        match=_any_path(),
        route=route_components_pb2.RouteAction(
            cluster=cluster, timeout=NEVER, retry_policy=_retries()
        ),
        # It is for sidecars: no client sees it, and no application can say it.
        response_headers_to_remove=[names.UNREACHED],
    )


def to_peers(name: str, cluster: str) -> route_components_pb2.Route:
    """A route of every request to `cluster`, whose sidecars may say that it arrived nowhere."""
    found = to(name, cluster)
    found.route.retry_policy.retry_on = PEER_RETRIES
    found.route.retry_policy.retriable_headers.add(name=names.UNREACHED, present_match=True)
    return found


def _any_path() -> route_components_pb2.RouteMatch:
    return route_components_pb2.RouteMatch(prefix="/")


def _retries() -> route_components_pb2.RetryPolicy:
    others = route_components_pb2.RetryPolicy.RetryHostPredicate(
        name="previous-hosts", typed_config=packed(previous_hosts_pb2.PreviousHostsPredicate())
    )
    return route_components_pb2.RetryPolicy(
        retry_on=SAFE_RETRIES,
        num_retries=wrappers_pb2.UInt32Value(value=2),
        retry_host_predicate=[others],
        host_selection_retry_max_attempts=3,
    )


def answer(name: str, status: int, body: str) -> route_components_pb2.Route:
    """A route of every request that the proxy itself answers."""
    return route_components_pb2.Route(
        name=name,
        match=_any_path(),
        direct_response=route_components_pb2.DirectResponseAction(
            status=status, body=base_pb2.DataSource(inline_string=body)
        ),
    )


def _escaped_slash() -> route_components_pb2.Route:
    """Where a path decides, one that the application may read otherwise is no valid request."""
    body = "smi-mesh: EscapedSlash: the path holds an escaped slash or backslash.\n"
    found = answer(names.ESCAPED_SLASH, 400, body)
    found.match.CopyFrom(
        route_components_pb2.RouteMatch(
            safe_regex=regex_pb2.RegexMatcher(regex=authorization.ESCAPED_SLASH)
        )
    )
    found.typed_per_filter_config[http.AUTHORIZATION].CopyFrom(packed(rbac_pb2.RBACPerRoute()))
    return found
