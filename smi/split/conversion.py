"""TrafficSplits at other versions. On documents: what is stored converts, whatever it is.

`matches` of a version that has them wait in the stash, out of reach of who edits weights. Weights
that v1alpha1 writes as quantities are whole numbers at the hub; as long as they stay what they
are, their notation waits in an annotation too.
"""

import json
from collections.abc import Mapping
from typing import Any

from smi.k8s import stash
from smi.k8s.document import Document, annotated, annotation, items, part, without
from smi.k8s.quantity import quantity
from smi.split.weights import whole

NOTATION = "conversion.smi-mesh.io/weights"
"""The weights as v1alpha1 writes them."""

_GROUP = "split.smi-spec.io"
_SHAPE: stash.Shape = {"matches": lambda value: isinstance(value, list)}


def v1alpha1_to_hub(document: Mapping[str, Any]) -> Document:
    """The same split, its weights as whole numbers of the same proportions."""
    spec, backends = part(document, "spec"), items(part(document, "spec"), "backends")
    written = [b.get("weight") if isinstance(b, Mapping) else None for b in backends]
    weights = _whole(written)
    if weights is None:  # no quantities: left for whoever reads the hub to refuse
        return v1alpha2_to_hub(document)
    spec["backends"] = [
        {**backend, "weight": weight} for backend, weight in zip(backends, weights, strict=True)
    ]
    said = [(type(w), w) for w in written] != [(int, w) for w in weights]
    hub = v1alpha2_to_hub({**document, "spec": spec} if backends else document)
    return annotated(hub, NOTATION, json.dumps(written) if said else None)


def v1alpha2_to_hub(document: Mapping[str, Any]) -> Document:
    """The same split, of the requests that its stash says, or else of all."""
    hub, stashed = stash.take(_at("v1alpha4", document), _SHAPE)
    return {**hub, "spec": part(hub, "spec") | stashed} if stashed else hub


def v1alpha3_to_hub(document: Mapping[str, Any]) -> Document:
    """The same split under another name: v1alpha4 relabels v1alpha3."""
    return _at("v1alpha4", document)


def hub_to_v1alpha3(document: Mapping[str, Any]) -> Document:
    """The same split under another name."""
    return _at("v1alpha3", document)


def hub_to_v1alpha2(document: Mapping[str, Any]) -> Document:
    """The split without its matches, which are in the stash."""
    older, spec = _at("v1alpha2", document), part(document, "spec")
    if "matches" not in spec:
        return stash.put(older, {}, _SHAPE)
    content = {"matches": spec["matches"]} if spec["matches"] is not None else {}
    return stash.put({**older, "spec": without(spec, "matches")}, content, _SHAPE)


def hub_to_v1alpha1(document: Mapping[str, Any]) -> Document:
    """The same split; its weights as they were first written, or if edited as whole numbers."""
    older = _at("v1alpha1", hub_to_v1alpha2(document))
    spec, notation = part(older, "spec"), annotation(older, NOTATION)
    backends = items(spec, "backends")
    weights = [b.get("weight") if isinstance(b, Mapping) else None for b in backends]
    written = _noted(notation) if notation is not None else []
    plain = annotated(older, NOTATION, None) if notation is not None else older
    if not written or _whole(written) != weights:
        return plain
    noted = [{**b, "weight": weight} for b, weight in zip(backends, written, strict=True)]
    return {**plain, "spec": spec | {"backends": noted}}


def _at(version: str, document: Mapping[str, Any]) -> Document:
    return {**document, "apiVersion": f"{_GROUP}/{version}"}


def _whole(written: list[Any]) -> list[int] | None:
    quantities = [quantity(weight) for weight in written]
    sound = [q for q in quantities if q is not None and q.value >= 0]
    return list(whole(sound)) if len(sound) == len(quantities) else None


def _noted(notation: str) -> list[Any]:
    try:
        written = json.loads(notation)
    except (ValueError, RecursionError):
        return []
    return written if isinstance(written, list) else []
