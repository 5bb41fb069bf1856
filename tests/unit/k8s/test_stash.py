import json
from typing import Any

import pytest

from smi.k8s import stash
from smi.k8s.document import annotated, annotation

PLAIN: dict[str, Any] = {"kind": "X", "metadata": {"name": "a", "annotations": {"b": "c"}}}
SHAPE: stash.Shape = {"matches": lambda value: isinstance(value, list)}


def test_what_is_put_away_is_found_and_nothing_is_left() -> None:
    older = stash.put(PLAIN, {"matches": [1]}, SHAPE)
    assert json.loads(annotation(older, stash.ANNOTATION) or "") == {"matches": [1]}
    assert stash.take(older, SHAPE) == (PLAIN, {"matches": [1]})


def test_nothing_is_put_away_where_nothing_is_lost() -> None:
    assert stash.put(PLAIN, {}, SHAPE) == PLAIN
    assert stash.take(PLAIN, SHAPE) == (PLAIN, {})


@pytest.mark.parametrize("content", [{}, {"matches": []}])
def test_annotation_of_the_hub_itself_is_put_away_with_the_rest(content: dict[str, Any]) -> None:
    own = annotated(PLAIN, stash.ANNOTATION, '{"matches": ["mine"]}')
    assert stash.take(stash.put(own, content, SHAPE), SHAPE) == (own, content)


@pytest.mark.parametrize(
    "text",
    ["", "{", "5", "[]", "{}", '{"matches": 5}', '{"other": []}', '{"shadowed": 1}', "[" * 99999],
)
def test_damaged_stash_stays_where_it_is(text: str) -> None:
    older = annotated(PLAIN, stash.ANNOTATION, text)
    assert stash.take(older, SHAPE) == (older, {})
    assert stash.damaged(older["metadata"]["annotations"]) == stash.ANNOTATION
    assert stash.put(older, {}, SHAPE) == older
    assert stash.take(stash.put(older, {"matches": []}, SHAPE), SHAPE) == (older, {"matches": []})


def test_what_older_versions_say_is_no_damage() -> None:
    assert stash.damaged(dict.fromkeys((*stash.KEPT_AT_HUB, "example.org/a"), "x")) is None
    assert stash.damaged({f"{stash.PREFIX}v1alpha9": ""}) == f"{stash.PREFIX}v1alpha9"
