"""The schema of a CustomResourceDefinition and the class accept the same objects.

What differs is not generated: kinds that no version has (the class reads them and the compiler
closes), headers and matches at the root (a structural schema cannot say both of their forms), null,
numbers as text where they are numbers, numbers with a point, what is refused but empty, and
quantities beyond 64 bits.
"""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from smi import crds, scheme
from smi.errors import InvalidResource
from tests import structural, versions
from tests.versions import Document

SCHEMAS = {
    scheme.Kind(
        f"{definition['spec']['group']}/{version['name']}", definition["spec"]["names"]["kind"]
    ): (version["schema"]["openAPIV3Schema"])
    for definition in crds.definitions()
    for version in definition["spec"]["versions"]
}
VALUES = st.sampled_from(
    ("", "x", "GET", "*", 0, 1, -1, 65535, 65536, 2**63, True, [], {}, ["x"], [""], [{}], [70000])
)
NEWER = st.sampled_from(
    (
        ("matches", [{"kind": "HTTPRouteGroup", "name": "a"}]),
        ("matches", {"ports": [80]}),
        ("headers", {"x": "y"}),
        ("matchExpressions", [{"key": "a"}]),
        ("serviceAccount", "a"),
        ("podLabelSelector", {"matchLabels": {"a": "b"}}),
    )
)


DOCUMENTS = st.sampled_from(versions.STORED).flatmap(versions.documents)


def test_every_kind_and_version_that_is_stored_has_a_schema() -> None:
    assert SCHEMAS.keys() == set(versions.STORED)


def is_read(document: Document) -> bool:
    try:
        return scheme.decode(document) is not None
    except InvalidResource:
        return False


@given(DOCUMENTS)
@settings(max_examples=200)
def test_sound_object_is_sound_to_both(document: Document) -> None:
    kind = scheme.Kind(document["apiVersion"], document["kind"])
    assert is_read(document)
    assert structural.accepts(SCHEMAS[kind], document)


def _maps(value: Any) -> list[Document]:  # noqa: ANN401
    if isinstance(value, dict):
        below = (child for name, child in value.items() if name != "headers")
        return [value, *(found for child in below for found in _maps(child))]
    return [found for child in value for found in _maps(child)] if isinstance(value, list) else []


@st.composite
def changed(draw: st.DrawFn) -> Document:
    """A document with a field less, another value in one, or one of another version."""
    document = copy.deepcopy(draw(DOCUMENTS))
    kept = {name: document.pop(name, None) for name in ("apiVersion", "kind", "metadata", "status")}
    for _ in range(draw(st.integers(1, 2))):
        places = [
            (m, name) for m in _maps(document) for name in m if name not in {"kind", "headers"}
        ]
        holder, name = draw(st.sampled_from(places)) if places else (document, "spec")
        match draw(st.sampled_from(("less", "other", "newer"))):
            case "less":
                holder.pop(name, None)
            case "other":
                holder[name] = draw(VALUES)
            case _:
                name, value = draw(NEWER)
                if not (holder is document and name == "matches"):
                    holder[name] = copy.deepcopy(value)
    return document | {name: value for name, value in kept.items() if value is not None}


def differs_knowingly(document: Document) -> bool:
    """Whether schema and class are known to differ over it."""
    old = document["apiVersion"].endswith(("v1alpha1", "v1alpha2"))
    if any(not found.get("matches", True) for found in _maps(document)):
        return True  # refused, but empty
    if document["kind"] == "HTTPRouteGroup" and not old:
        return "matches" in document
    if document["kind"] == "TCPRoute" and old:
        return "spec" in document  # not known to the class, which leaves what it says alone
    # An API server drops a term of a selector that it does not know, but for those it was told.
    selectors = [m["podLabelSelector"] for m in _maps(document) if "podLabelSelector" in m]
    known = {"matchLabels", "matchExpressions"}
    return any(isinstance(one, dict) and not one.keys() <= known for one in selectors)


@given(changed())
@settings(max_examples=500)
def test_changed_object_is_sound_to_both_or_to_none(document: Document) -> None:
    if differs_knowingly(document):
        return
    kind = scheme.Kind(document["apiVersion"], document["kind"])
    assert structural.accepts(SCHEMAS[kind], document) == is_read(document)
