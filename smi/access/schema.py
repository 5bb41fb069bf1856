"""The CustomResourceDefinitions of access.smi-spec.io, as strict as the text of each version."""

from smi.k8s.crd import (
    ACCEPTED,
    AGE,
    NAME,
    TEXT,
    Column,
    CustomKind,
    Schema,
    Version,
    a_list,
    an_object,
    refusing,
)

_GROUP = "access.smi-spec.io"
# An IdentityBinding comes to older versions by conversion, and must be able to come back.
_IDENTITY_KIND: Schema = {"type": "string", "enum": ["ServiceAccount", "IdentityBinding"]}
_PORT_DIGITS = (
    "^(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})$"
)
_OLD_PORT: Schema = {
    "x-kubernetes-int-or-string": True,
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "minimum": 1,
    "maximum": 65535,
    "pattern": _PORT_DIGITS,
    "description": "The one port that is opened; absent, all are.",
}


def _identity(**optional: Schema) -> Schema:
    named = {"kind": _IDENTITY_KIND, "name": NAME}
    return an_object(named, optional={"namespace": TEXT, **optional})


def _rules(*kinds: str, **more: int) -> Schema:
    named: dict[str, Schema] = {"kind": {"type": "string", "enum": list(kinds)}, "name": NAME}
    return a_list(an_object(named, optional={"matches": a_list(NAME)}), **more)


def _columns(root: str, rules: str) -> tuple[Column, ...]:
    return (
        Column("Destination", f"{root}.destination.name"),
        Column("Sources", f"{root}.sources"),
        Column("Rules", f"{root}.{rules}"),
        ACCEPTED,
        AGE,
    )


_OLD_RULES = _rules("HTTPRouteGroup", "TCPRoute")
_RULES = _rules("HTTPRouteGroup", "TCPRoute", "UDPRoute", minItems=1)


def _spec(destination: Schema, sources: Schema) -> Schema:
    required = {
        "destination": destination,
        "rules": _RULES,
        "sources": a_list(sources, minItems=1),
    }
    return an_object({"spec": an_object(required)})


_OLD_DESTINATION = {"destination": _identity(port=_OLD_PORT)}
_OLD_SOURCES = a_list(_identity())

TRAFFIC_TARGET = CustomKind(
    group=_GROUP,
    kind="TrafficTarget",
    short_name="tt",
    versions=(
        Version(
            "v1alpha1",
            an_object(_OLD_DESTINATION, optional={"specs": _OLD_RULES, "sources": _OLD_SOURCES}),
            _columns("", "specs"),
        ),
        Version(
            "v1alpha2",
            an_object(
                {
                    "spec": an_object(
                        _OLD_DESTINATION, optional={"rules": _OLD_RULES, "sources": _OLD_SOURCES}
                    )
                }
            ),
            _columns(".spec", "rules"),
        ),
        Version(
            "v1alpha3",
            _spec(_identity(), _identity()),
            _columns(".spec", "rules"),
            relabelled=True,
        ),
        Version(
            "v1alpha4",
            _spec(_identity(group=TEXT), _identity(group=TEXT)),
            _columns(".spec", "rules"),
        ),
    ),
)

_LABELS: Schema = {"type": "object", "minProperties": 1, "additionalProperties": TEXT}
_SELECTOR = refusing(an_object({"matchLabels": _LABELS}), "matchExpressions")
_SCHEMES: Schema = {
    "type": "object",
    "anyOf": [
        {"required": [scheme]}
        for scheme in ("podLabelSelector", "spiffeIdentities", "serviceAccount")
    ],
    "properties": {
        "podLabelSelector": _SELECTOR,
        "spiffeIdentities": a_list(NAME, minItems=1),
        "serviceAccount": NAME,
    },
    "not": {"required": ["podLabelSelector", "serviceAccount"]},
}

IDENTITY_BINDING = CustomKind(
    group=_GROUP,
    kind="IdentityBinding",
    short_name="ib",
    versions=(
        Version(
            "v1alpha4",
            an_object({"spec": an_object({"schemes": _SCHEMES})}),
            (
                Column("ServiceAccount", ".spec.schemes.serviceAccount"),
                Column("Labels", ".spec.schemes.podLabelSelector.matchLabels"),
                ACCEPTED,
                AGE,
            ),
        ),
    ),
)

KINDS = (TRAFFIC_TARGET, IDENTITY_BINDING)
