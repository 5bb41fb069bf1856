"""specs.smi-spec.io/v1alpha1: a match has no headers."""

from typing import Literal

from pydantic import model_validator

from smi.k8s.elsewhere import refuse_in_spec
from smi.k8s.resource import OpenResource
from smi.k8s.shape import Name, OpenShape
from smi.specs.newer import refuse_headers, refuse_ports

Method = Literal[
    "*", "GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"
]


class HTTPMatch(OpenShape):
    """Requests that satisfy both path and methods; what is absent asks nothing.

    `path_regex` is anchored at its start only.
    """

    name: Name
    path_regex: str | None = None
    methods: tuple[Method, ...] = ()

    _no_headers = model_validator(mode="before")(refuse_headers)


class HTTPRouteGroup(OpenResource):
    """Named kinds of HTTP requests, any of `matches`; has no effect until another refers to it."""

    api_version: Literal["specs.smi-spec.io/v1alpha1"] = "specs.smi-spec.io/v1alpha1"
    kind: Literal["HTTPRouteGroup"] = "HTTPRouteGroup"
    matches: tuple[HTTPMatch, ...]

    _elsewhere = model_validator(mode="before")(refuse_in_spec({"matches": "matches at the root"}))


class TCPRoute(OpenResource):
    """All TCP traffic."""

    api_version: Literal["specs.smi-spec.io/v1alpha1"] = "specs.smi-spec.io/v1alpha1"
    kind: Literal["TCPRoute"] = "TCPRoute"

    _no_ports = model_validator(mode="before")(refuse_ports)
