"""TrafficSplits at other versions. On documents: what is stored converts, whatever it is."""

from collections.abc import Mapping
from typing import Any

from smi.k8s.document import Document

_HUB = {"apiVersion": "split.smi-spec.io/v1alpha4"}


def v1alpha2_to_hub(document: Mapping[str, Any]) -> Document:
    """The same split; it has no matches, so it is of all requests."""
    return dict(document) | _HUB


def v1alpha3_to_hub(document: Mapping[str, Any]) -> Document:
    """The same split under another name: v1alpha4 relabels v1alpha3."""
    return dict(document) | _HUB
