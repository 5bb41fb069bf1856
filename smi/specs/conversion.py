"""Routes at other versions. On documents: what is stored converts, whatever it is."""

from collections.abc import Mapping
from typing import Any

from smi.k8s.document import Document, part, without

_HUB = {"apiVersion": "specs.smi-spec.io/v1alpha4"}


def v1alpha1_to_hub(document: Mapping[str, Any]) -> Document:
    """The same route; v1alpha2 only adds headers."""
    return v1alpha2_to_hub(document)


def v1alpha2_to_hub(document: Mapping[str, Any]) -> Document:
    """The same route; what stands at the root of a group is in its spec."""
    if "matches" not in document:
        return v1alpha3_to_hub(document)
    spec = part(document, "spec") | {"matches": document["matches"]}
    return v1alpha3_to_hub(without(document, "matches") | {"spec": spec})


def v1alpha3_to_hub(document: Mapping[str, Any]) -> Document:
    """The same route; a TCPRoute is of all ports."""
    hub = dict(document) | _HUB
    if document.get("kind") == "TCPRoute":
        hub["spec"] = {"matches": {"ports": []}} | part(document, "spec")
    return hub
