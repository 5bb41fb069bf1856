"""TrafficMetrics at the other version. On documents: whatever they are, they convert.

Both versions can say the same; every number carries its unit, so none is touched.
"""

from collections.abc import Mapping
from typing import Any

from smi.k8s.document import Document

_GROUP = "metrics.smi-spec.io"


def v1alpha1_to_hub(document: Mapping[str, Any]) -> Document:
    """The same under another name."""
    return _at("v1alpha2", document)


def hub_to_v1alpha1(document: Mapping[str, Any]) -> Document:
    """The same under another name."""
    return _at("v1alpha1", document)


def _at(version: str, document: Mapping[str, Any]) -> Document:
    listed = document.get("items") if document.get("kind") == "TrafficMetricsList" else None
    named = {**document, "apiVersion": f"{_GROUP}/{version}"}
    if isinstance(listed, list):
        # Items of a typed list may leave out what they are.
        named["items"] = [
            {**item, "apiVersion": named["apiVersion"]}
            if isinstance(item, Mapping) and item.get("apiVersion") == document.get("apiVersion")
            else item
            for item in listed
        ]
    return named
