"""What the hub says and an older version cannot, kept in an annotation of the older object.

At an older version the annotation is read when the object goes back to the hub. One that cannot be
read stays, and the hub knows by it that part of the object is missing: such an object is closed.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from smi.k8s.document import Document, annotated, annotation

PREFIX = "conversion.smi-mesh.io/"
ANNOTATION = f"{PREFIX}v1alpha4"
"""What v1alpha4, the hub of every group, says and the version of the object cannot."""

KEPT_AT_HUB = frozenset({f"{PREFIX}destination-port", f"{PREFIX}weights"})
"""What older versions say and the hub cannot."""

_SHADOWED = "shadowed"  # an annotation of the same name, which the hub object had itself

Shape = Mapping[str, Callable[[Any], bool]]
"""The fields that a stash may have, and whether a value can be what was put there."""


def put(document: Document, content: Document, shape: Shape) -> Document:
    """The older document, with `content` for its way back.

    An annotation of the same name that nobody can read there stays as it is: damaged, as it was.
    """
    own = annotation(document, ANNOTATION)
    if own is not None and (content or _read(own, shape)):
        content = content | {_SHADOWED: own}
    return annotated(document, ANNOTATION, json.dumps(content)) if content else document


def take(document: Document, shape: Shape) -> tuple[Document, Document]:
    """The document without its stash, and what is in that; a damaged stash stays where it is."""
    text = annotation(document, ANNOTATION)
    content = _read(text, shape) if text is not None else {}
    if not content:
        return document, {}
    return annotated(document, ANNOTATION, content.pop(_SHADOWED, None)), content


def _read(text: str, shape: Shape) -> Document:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    fits: Shape = {**shape, _SHADOWED: lambda value: isinstance(value, str)}
    if not isinstance(content, dict):
        return {}
    sound = all(name in fits and fits[name](value) for name, value in content.items())
    return content if sound else {}


def damaged(annotations: Mapping[str, str]) -> str | None:
    """The annotation by which a hub object is known to be incomplete, if there is one."""
    left = (n for n in annotations if n.startswith(PREFIX) and n not in KEPT_AT_HUB)
    return min(left, default=None)
