"""Every version of every kind, through every other, loses nothing and never grants more.

Documents differ after a round trip only in what the wire cannot tell apart: null and absent, empty
annotations and none, 8080 and "8080" as a port, and in a version where rules and sources are
optional an empty list and none.
"""

import copy
import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from smi import scheme
from smi.decision.decide import decide
from smi.decision.judge import Verdict
from smi.errors import InvalidResource
from smi.k8s import stash
from smi.k8s.document import annotated, annotation
from tests import questions, strategies, versions, worlds
from tests.older import DAMAGED, converted, decodes, mesh_of, narrowed
from tests.versions import Document


@st.composite
def routes(draw: st.DrawFn) -> tuple[Document, list[str]]:
    """A document, and versions of its kind through which to lead it."""
    document = draw(versions.documents())
    there = versions.versions(document["kind"])
    return document, draw(st.lists(st.sampled_from(there), min_size=1, max_size=4))


@given(routes())
@settings(max_examples=300)
def test_document_comes_back_as_it_was_through_any_versions(
    route: tuple[Document, list[str]],
) -> None:
    document, through = route
    before, led = copy.deepcopy(document), document
    for version in through:
        led = scheme.convert_document(led, version)
        group = document["apiVersion"].partition("/")[0]
        assert led["apiVersion"] == f"{group}/{version}"
    assert scheme.convert_document(led, document["apiVersion"]) == before == document


@given(routes())
def test_resource_comes_back_as_it_was_and_is_sound_at_every_version(
    route: tuple[Document, list[str]],
) -> None:
    document, through = route
    resource = scheme.decode(document)
    assert resource is not None
    led = resource
    for version in through:
        led = scheme.convert(led, version)
        assert _is_empty(led) or led == scheme.decode(scheme.encode(led))
        assert (led.kind, led.key) == (resource.kind, resource.key)
    assert scheme.convert(led, resource.api_version) == resource


def _is_empty(target: Any) -> bool:  # noqa: ANN401
    """Whether it is sound only since it comes from where its lists are optional."""
    spec = getattr(target, "spec", None)
    return () in {getattr(spec, "rules", None), getattr(spec, "sources", None)}


@given(routes())
def test_only_annotations_of_the_metadata_change(route: tuple[Document, list[str]]) -> None:
    document, through = route
    led = document
    for version in through:
        led = scheme.convert_document(led, version)
        before, after = dict(document["metadata"]), dict(led["metadata"])
        kept, now = before.pop("annotations", {}), after.pop("annotations", {})
        assert before == after
        assert kept == {n: text for n, text in now.items() if not n.startswith(stash.PREFIX)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99999) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("name", "kind", "port", "matches")), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    found = [path] if path else []
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        found += [place for key, child in pairs for place in _places(child, (*path, key))]
    return found


@st.composite
def malformed(draw: st.DrawFn) -> Document:
    """A document with any value anywhere in it."""
    document = copy.deepcopy(draw(versions.documents()))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(_places(document)))
        holder: Any = document
        for step in path:
            holder = holder[step]
        holder[last] = draw(JSON)
    return document


@given(malformed(), st.sampled_from(("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4")))
@settings(max_examples=300)
def test_what_is_stored_converts_whatever_it_is(document: Document, version: str) -> None:
    converted = scheme.convert_document(document, version)
    scheme.convert_document(converted, str(document.get("apiVersion")))


@given(routes(), st.sampled_from(DAMAGED))
def test_damaged_stash_closes_the_object_at_the_hub(
    route: tuple[Document, list[str]], text: str
) -> None:
    document, through = route
    older = scheme.convert_document(document, through[0])
    if annotation(older, stash.ANNOTATION) is None or through[0] == versions.HUB:
        return
    broken = annotated(older, stash.ANNOTATION, text)
    for version in through[1:]:
        broken = scheme.convert_document(broken, version)
    hub = scheme.convert_document(broken, versions.HUB)
    assert stash.damaged(hub["metadata"]["annotations"]) == stash.ANNOTATION


@given(routes(), st.dictionaries(st.sampled_from(("matches", "rules", "identities")), JSON))
def test_stash_that_makes_no_sense_converts_to_something_closed(
    route: tuple[Document, list[str]], content: dict[str, Any]
) -> None:
    document, through = route
    older = scheme.convert_document(document, through[0])
    try:
        read = scheme.decode(annotated(older, stash.ANNOTATION, json.dumps(content)))
    except InvalidResource:
        return
    assert read is not None
    hub = scheme.to_hub(read)
    assert scheme.to_hub(scheme.convert(hub, through[-1])) == hub


@given(strategies.randoms())
@settings(max_examples=40, deadline=None)
def test_mesh_of_any_versions_decides_as_the_mesh_that_was_written(rng: random.Random) -> None:
    found = strategies.documents(rng)
    mesh, other = mesh_of(found), mesh_of([converted(rng, document) for document in found])
    for request in questions.askable(mesh, rng, found):
        assert worlds.answers(decide(mesh, request)) == worlds.answers(decide(other, request))


@given(strategies.randoms())
@settings(max_examples=60, deadline=None)
def test_older_object_never_grants_more_even_edited_or_damaged(rng: random.Random) -> None:
    found = strategies.documents(rng)
    after = [narrowed(rng, converted(rng, d)) if versions.versions(d["kind"]) else d for d in found]
    mesh, other = mesh_of(found), mesh_of([d for d in after if decodes(d)])
    for request in questions.at_pods(mesh, questions.askable(mesh, rng, found)):
        if decide(other, request).verdict is Verdict.ALLOW:
            assert decide(mesh, request).verdict is Verdict.ALLOW, request
