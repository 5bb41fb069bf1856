"""Access objects at other versions. On documents: what is stored converts, whatever it is.

The hub has no slot for a destination's port: it travels in an annotation, and narrows the grant.
"""

from collections.abc import Mapping
from typing import Any

from smi.access.destination_port import ANNOTATION, as_annotation
from smi.k8s.document import Document, annotated, part, without

_HUB = {"apiVersion": "access.smi-spec.io/v1alpha4"}
_EMPTY: Document = {"rules": [], "sources": []}  # the hub demands both fields
_MOVED = {"destination": "destination", "specs": "rules", "sources": "sources"}


def v1alpha1_to_hub(document: Mapping[str, Any]) -> Document:
    """The same target; the fields of v1alpha1 stand at the root."""
    moved = {_MOVED[name]: value for name, value in document.items() if name in _MOVED}
    rest = without(document, *_MOVED)
    return v1alpha2_to_hub(rest | {"spec": part(document, "spec") | moved})


def v1alpha2_to_hub(document: Mapping[str, Any]) -> Document:
    """The same target; its port is in the annotation, and lists that it leaves out are empty."""
    spec = _EMPTY | {
        name: value for name, value in part(document, "spec").items() if value is not None
    }
    destination = part(spec, "destination")
    hub = dict(document) | _HUB | {"spec": spec}
    if "port" not in destination:
        return hub
    spec["destination"] = without(destination, "port")
    if destination["port"] is None:
        return hub
    return annotated(hub, ANNOTATION, as_annotation(destination["port"]))


def v1alpha3_to_hub(document: Mapping[str, Any]) -> Document:
    """The same target: every identity that v1alpha3 can name is a service account."""
    return dict(document) | _HUB
