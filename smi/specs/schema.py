"""The CustomResourceDefinitions of specs.smi-spec.io, as strict as the text of each version."""

from typing import get_args

from smi.k8s.crd import (
    ACCEPTED,
    AGE,
    ANYTHING,
    NAME,
    PORT,
    TEXT,
    Column,
    CustomKind,
    Schema,
    Version,
    a_list,
    an_object,
    refusing,
)
from smi.specs.v1alpha4 import Method

_GROUP = "specs.smi-spec.io"
_METHODS = a_list({"type": "string", "enum": list(get_args(Method))})
# A map, or a list of maps: a structural schema cannot say one or the other.
_MATCH = an_object(
    {"name": NAME}, optional={"pathRegex": TEXT, "methods": _METHODS, "headers": ANYTHING}
)
_FIRST_MATCH = refusing(
    an_object({"name": NAME}, optional={"pathRegex": TEXT, "methods": _METHODS}), "headers"
)
# The examples of v1alpha3 and later have `matches` at the root too, and that is read.
_GROUP_IN_SPEC: Schema = {
    "type": "object",
    "properties": {
        "spec": an_object({}, optional={"matches": a_list(_MATCH)}),
        "matches": a_list({"type": "object"} | ANYTHING),
    },
    "x-kubernetes-validations": [
        {
            "rule": "has(self.matches) || has(self.spec) && has(self.spec.matches)",
            "message": "is without matches; write spec: {matches: [{name: api, pathRegex: /api}]}",
        }
    ],
}


def _columns(matches: str) -> tuple[Column, ...]:
    return (Column("Matches", matches, priority=1), ACCEPTED, AGE)


HTTP_ROUTE_GROUP = CustomKind(
    group=_GROUP,
    kind="HTTPRouteGroup",
    short_name="htr",
    versions=(
        Version("v1alpha1", an_object({"matches": a_list(_FIRST_MATCH)}), _columns(".matches")),
        Version("v1alpha2", an_object({"matches": a_list(_MATCH)}), _columns(".matches")),
        Version("v1alpha3", _GROUP_IN_SPEC, _columns(".spec.matches"), relabelled=True),
        Version("v1alpha4", _GROUP_IN_SPEC, _columns(".spec.matches")),
    ),
)

_ALL_PORTS = refusing(an_object({}), "matches")
_PORTS = an_object({"matches": an_object({}, optional={"ports": a_list(PORT)})})
_PORT_COLUMNS = (Column("Ports", ".spec.matches.ports"), ACCEPTED, AGE)


def _ports(version: str) -> Version:
    return Version(version, an_object({"spec": _PORTS}), _PORT_COLUMNS)


def _all_ports(version: str) -> Version:
    return Version(version, an_object({}, optional={"spec": _ALL_PORTS}), (ACCEPTED, AGE))


TCP_ROUTE = CustomKind(
    group=_GROUP,
    kind="TCPRoute",
    short_name="tr",
    versions=(*map(_all_ports, ("v1alpha1", "v1alpha2", "v1alpha3")), _ports("v1alpha4")),
)
UDP_ROUTE = CustomKind(
    group=_GROUP, kind="UDPRoute", short_name="ur", versions=(_ports("v1alpha4"),)
)

KINDS = (HTTP_ROUTE_GROUP, TCP_ROUTE, UDP_ROUTE)
