"""Older objects of a mesh, edited and damaged: none grants what the mesh that was written does not.

The judge is `decide`, as in the property tests; the meshes are theirs too.
"""

import json
import random

from smi.decision.decide import decide
from smi.decision.judge import Verdict
from smi.k8s import stash
from smi.k8s.document import annotated, annotation
from tests import questions, strategies, versions
from tests.fuzz.mutations import garbled
from tests.older import converted, decodes, mesh_of, narrowed
from tests.versions import Document


def hold(rng: random.Random) -> int:
    """How many requests to one mesh were judged."""
    found = strategies.documents(rng)
    after = [
        _damaged(rng, narrowed(rng, converted(rng, document)))
        if versions.versions(document["kind"])
        else document
        for document in found
    ]
    mesh, other = mesh_of(found), mesh_of([document for document in after if decodes(document)])
    asked = list(questions.at_pods(mesh, questions.askable(mesh, rng, found)))
    for request in asked:
        if decide(other, request).verdict is Verdict.ALLOW:
            assert decide(mesh, request).verdict is Verdict.ALLOW, request
    return len(asked)


def _damaged(rng: random.Random, document: Document) -> Document:
    """The document whose stash an accident made unreadable; at times it is whole after all."""
    text = annotation(document, stash.ANNOTATION)
    if text is None or rng.random() < 0.5:
        return document
    broken = garbled(rng, text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
    return document if _is_map(broken) else annotated(document, stash.ANNOTATION, broken)


def _is_map(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
