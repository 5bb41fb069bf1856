"""specs.smi-spec.io/v1alpha3: a TCPRoute is of all ports."""

from typing import Literal

from pydantic import model_validator

from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, OpenShape
from smi.specs.headers import Headers
from smi.specs.newer import move_root_matches, refuse_ports

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

    api_version: Literal["specs.smi-spec.io/v1alpha3"] = "specs.smi-spec.io/v1alpha3"
    kind: Literal["HTTPRouteGroup"] = "HTTPRouteGroup"
    spec: HTTPRouteGroupSpec

    _root_matches = model_validator(mode="before")(move_root_matches)


class TCPRouteSpec(OpenShape):
    """Nothing: there is only one TCPRoute to describe."""


class TCPRoute(OpenResource):
    """All TCP traffic."""

    api_version: Literal["specs.smi-spec.io/v1alpha3"] = "specs.smi-spec.io/v1alpha3"
    kind: Literal["TCPRoute"] = "TCPRoute"
    spec: TCPRouteSpec = TCPRouteSpec()

    _no_ports = model_validator(mode="before")(refuse_ports)
