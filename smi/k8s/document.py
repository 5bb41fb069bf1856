"""A Kubernetes object as the plain values of JSON, for what must not lose or judge anything.

Nothing here changes a document in place, and nothing raises: what is stored may be malformed.
"""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]


def part(document: Mapping[str, Any], name: str) -> Document:
    """The map at `name`; empty where there is none."""
    value = document.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def items(document: Mapping[str, Any], name: str) -> list[Any]:
    """The list at `name`; empty where there is none."""
    value = document.get(name)
    return list(value) if isinstance(value, list | tuple) else []


def without(document: Mapping[str, Any], *names: str) -> Document:
    """The document without the fields of these names."""
    return {name: value for name, value in document.items() if name not in names}


def annotation(document: Mapping[str, Any], name: str) -> str | None:
    """The text of an annotation, `None` where it is not there."""
    text = part(part(document, "metadata"), "annotations").get(name)
    return text if isinstance(text, str) else None


def annotated(document: Mapping[str, Any], name: str, text: str | None) -> Document:
    """The document with an annotation, or with `text` None without it."""
    metadata = part(document, "metadata")
    annotations = without(part(metadata, "annotations"), name)
    if text is not None:
        annotations[name] = text
    rest = without(metadata, "annotations")
    if annotations:
        rest["annotations"] = annotations
    return {**document, "metadata": rest}
