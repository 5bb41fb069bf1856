"""The CustomResourceDefinition of split.smi-spec.io, as strict as the text of each version."""

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

_WEIGHT: Schema = {"type": "integer", "format": "int64", "minimum": 0}
_QUANTITY: Schema = {
    "x-kubernetes-int-or-string": True,
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "minimum": 0,
    "maxLength": 64,
    "pattern": r"^\+?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$",
}
_MATCH = an_object(
    {"kind": {"type": "string", "enum": ["HTTPRouteGroup"]}, "name": NAME},
    optional={"apiGroup": TEXT},
)
_COLUMNS = (
    Column("Service", ".spec.service"),
    Column("Backends", ".spec.backends"),
    ACCEPTED,
    AGE,
)


def _spec(weight: Schema, **optional: Schema) -> Schema:
    backend = an_object({"service": NAME, "weight": weight})
    return an_object({"service": NAME, "backends": a_list(backend)}, optional=optional)


def _version(name: str, spec: Schema, *, relabelled: bool = False) -> Version:
    return Version(name, an_object({"spec": spec}), _COLUMNS, relabelled)


TRAFFIC_SPLIT = CustomKind(
    group="split.smi-spec.io",
    kind="TrafficSplit",
    short_name="ts",
    versions=(
        _version("v1alpha1", refusing(_spec(_QUANTITY), "matches")),
        _version("v1alpha2", refusing(_spec(_WEIGHT), "matches")),
        _version("v1alpha3", _spec(_WEIGHT, matches=a_list(_MATCH)), relabelled=True),
        _version("v1alpha4", _spec(_WEIGHT, matches=a_list(_MATCH))),
    ),
)

KINDS = (TRAFFIC_SPLIT,)
