"""apiextensions/v1: CustomResourceDefinitions, and the structural schemas in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from smi.k8s.document import Document

Schema = Document

ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
NAME: Schema = {"type": "string", "minLength": 1}
TEXT: Schema = {"type": "string"}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}

_CONDITION: Schema = {
    "type": "object",
    "required": ["type", "status", "lastTransitionTime", "reason", "message"],
    "properties": {
        "type": {"type": "string", "maxLength": 316},
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
        "lastTransitionTime": {"type": "string", "format": "date-time"},
        "reason": {"type": "string", "minLength": 1, "maxLength": 1024},
        "message": {"type": "string", "maxLength": 32768},
    },
}
_STATUS: Schema = {
    "type": "object",
    "description": "What the mesh says of the object.",
    "properties": {
        "conditions": {
            "type": "array",
            "items": _CONDITION,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        }
    },
}


class Column(NamedTuple):
    """What `kubectl get` prints of an object."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


ACCEPTED = Column("Accepted", '.status.conditions[?(@.type=="Accepted")].status')
AGE = Column("Age", ".metadata.creationTimestamp", "date")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a kind: the schema of all but metadata and status, and what is printed.

    `relabelled` says that it means the same as the stored version by another name.
    """

    name: str
    schema: Schema
    columns: tuple[Column, ...]
    relabelled: bool = False


@dataclass(frozen=True, slots=True)
class CustomKind:
    """A kind of a group; the last of its `versions` is the one that is stored."""

    group: str
    kind: str
    short_name: str
    versions: tuple[Version, ...]

    @property
    def plural(self) -> str:
        """How paths name the kind."""
        return f"{self.kind.lower()}s"


def an_object(required: Mapping[str, Schema], **more: Any) -> Schema:  # noqa: ANN401
    """An object with fields that it must have; `optional` are others, the rest is as it stands."""
    optional: Mapping[str, Schema] = more.pop("optional", {})
    named = {"required": list(required)} if required else {}
    return {"type": "object", **named, "properties": {**required, **optional}, **more}


def a_list(of: Schema, **more: Any) -> Schema:  # noqa: ANN401
    """A list of one kind of thing."""
    return {"type": "array", "items": of, **more}


def refusing(schema: Schema, *fields: str) -> Schema:
    """An object that must not have fields which other versions do.

    They are known, or the API server would drop them before anybody could refuse.
    """
    known = schema["properties"] | dict.fromkeys(fields, ANYTHING)
    return schema | {"properties": known, "not": {"anyOf": [{"required": [f]} for f in fields]}}


def definition(kind: CustomKind, conversion: Document | None) -> Document:
    """The CustomResourceDefinition of `kind`.

    Without a `conversion` only versions that mean the same are served: the API server would relabel
    objects of the others and drop what is not known there, and so grant more than is written.
    """
    names = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.kind.lower(),
        "shortNames": [kind.short_name],
        "categories": ["smi"],
    }
    stored = kind.versions[-1]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": names,
            "conversion": conversion or {"strategy": "None"},
            "versions": [
                _version(version, stored=version is stored, converted=conversion is not None)
                for version in reversed(kind.versions)
            ],
        },
    }


def _version(version: Version, *, stored: bool, converted: bool) -> Document:
    schema = dict(version.schema)
    kinds = {"apiVersion": TEXT, "kind": TEXT, "metadata": {"type": "object"}}
    schema["properties"] = {**kinds, **schema["properties"], "status": _STATUS}
    return {
        "name": version.name,
        "served": stored or converted or version.relabelled,
        "storage": stored,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in version.columns],
    }


def _column(column: Column) -> Document:
    printed = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return printed | ({"priority": column.priority} if column.priority else {})
