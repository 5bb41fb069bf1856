"""Meshes whose objects were led to older versions, edited there, and damaged."""

import copy
import random

from smi import scheme
from smi.access import destination_port
from smi.compiler.compile import compile  # noqa: A004 - the field's word for it
from smi.errors import InvalidResource
from smi.k8s import stash
from smi.k8s.document import annotated, annotation
from smi.model.mesh import Mesh
from tests import versions, worlds
from tests.versions import Document

DAMAGED = (
    "",
    "{}",
    "5",
    "[]",
    "{",
    '{"matches": 5}',
    '{"rules": [[-1, {}]]}',
    "\ud800",
    "[" * 9999,
)


def mesh_of(found: list[Document]) -> Mesh:
    return compile(worlds.state(found)).mesh


def converted(rng: random.Random, document: Document) -> Document:
    """The document at a version of its kind, led there by another."""
    there = versions.versions(document["kind"])
    for _ in range(2 if there else 0):
        document = scheme.convert_document(document, rng.choice(there))
    return document


def narrowed(rng: random.Random, document: Document) -> Document:
    """The document with an edit, as somebody may make it who sees no more than its version."""
    edited = copy.deepcopy(document)
    spec = edited.get("spec") or edited
    match edited["kind"], rng.choice(("less", "damage", "label", "none")):
        case _, "damage" if annotation(edited, stash.ANNOTATION) is not None:
            return annotated(edited, stash.ANNOTATION, rng.choice(DAMAGED))
        case "HTTPRouteGroup", "less" if spec.get("matches"):
            spec["matches"].remove(rng.choice(spec["matches"]))
        case "TrafficTarget", "less" if len(spec.get("sources", ())) > 1:
            spec["sources"].remove(rng.choice(spec["sources"]))
        case "TrafficTarget", "less" if edited["apiVersion"][-1] in "12" and "destination" in spec:
            if annotation(edited, destination_port.ANNOTATION) is None:  # it would be repaired
                spec["destination"].setdefault("port", 8080)
        case "TrafficSplit", "less":
            spec["backends"] = spec["backends"][1:]
        case _, "label":
            edited["metadata"]["labels"] = {"edited": "true"}
        case _:
            pass
    return edited


def decodes(document: Document) -> bool:
    """Whether the document describes an object."""
    try:
        return scheme.decode(document) is not None
    except InvalidResource:  # closed too: nobody sees it
        return False
