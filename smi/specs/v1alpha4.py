"""specs.smi-spec.io/v1alpha4, the hub."""

from typing import Literal

from pydantic import model_validator

from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, OpenShape, PortNumber
from smi.specs.headers import Headers
from smi.specs.newer import move_root_matches

Method = Literal[
    "*", "GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"
]


class HTTPMatch(OpenShape):
    """Requests that satisfy all of path, methods and headers; what is absent asks nothing.

    `path_regex` is anchored at its start only. `headers` are (name, regex) pairs, all of which
    must hold; a name may occur twice.
    """

    name: Name
    path_regex: str | None = None
    methods: tuple[Method, ...] = ()
    headers: Headers = ()


class HTTPRouteGroupSpec(OpenShape):
    """Any of `matches`."""

    matches: tuple[HTTPMatch, ...]


class HTTPRouteGroup(OpenResource):
    """Named kinds of HTTP requests; has no effect until another object refers to it."""

    api_version: Literal["specs.smi-spec.io/v1alpha4"] = "specs.smi-spec.io/v1alpha4"
    kind: Literal["HTTPRouteGroup"] = "HTTPRouteGroup"
    spec: HTTPRouteGroupSpec

    _root_matches = model_validator(mode="before")(move_root_matches)


class RoutePorts(OpenShape):
    """Traffic to any of `ports`; no ports means every port."""

    ports: tuple[PortNumber, ...] = ()


class RouteSpec(OpenShape):
    """What traffic the route is about."""

    matches: RoutePorts


class TCPRoute(OpenResource):
    """TCP traffic by port."""

    api_version: Literal["specs.smi-spec.io/v1alpha4"] = "specs.smi-spec.io/v1alpha4"
    kind: Literal["TCPRoute"] = "TCPRoute"
    spec: RouteSpec


class UDPRoute(OpenResource):
    """UDP traffic by port."""

    api_version: Literal["specs.smi-spec.io/v1alpha4"] = "specs.smi-spec.io/v1alpha4"
    kind: Literal["UDPRoute"] = "UDPRoute"
    spec: RouteSpec
