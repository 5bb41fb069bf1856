from typing import Any

import pytest

from smi import scheme
from smi.webhook.conversion import converted

Document = dict[str, Any]

SPLIT: Document = {
    "apiVersion": "split.smi-spec.io/v1alpha4",
    "kind": "TrafficSplit",
    "metadata": {"name": "web", "namespace": "shop", "uid": "1"},
    "spec": {
        "service": "web",
        "backends": [{"service": "v1", "weight": 1}],
        "matches": [{"kind": "HTTPRouteGroup", "name": "beta"}],
    },
}
OLD = "split.smi-spec.io/v1alpha2"


def review(*objects: Any, version: str = OLD) -> Document:  # noqa: ANN401 - whatever is stored
    request = {"uid": "705ab4f5", "desiredAPIVersion": version, "objects": list(objects)}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": request,
    }


def test_objects_come_back_at_the_version_and_in_their_order() -> None:
    other = SPLIT | {"metadata": {"name": "other"}}
    answer = converted(review(SPLIT, other))
    assert answer == {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "response": {
            "uid": "705ab4f5",
            "convertedObjects": [scheme.convert_document(one, OLD) for one in (SPLIT, other)],
            "result": {"status": "Success"},
        },
    }


def test_nothing_to_convert_is_a_success() -> None:
    assert converted(review())["response"]["result"] == {"status": "Success"}


def test_object_that_is_there_already_stays_as_it_is() -> None:
    answer = converted(review(SPLIT, version=SPLIT["apiVersion"]))
    assert answer["response"]["convertedObjects"] == [SPLIT]


def test_what_is_stored_converts_sound_or_not() -> None:
    answer = converted(review(SPLIT | {"spec": 5, "metadata": None}))
    assert answer["response"]["result"] == {"status": "Success"}


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (
            SPLIT | {"kind": "TrafficRole"},
            "TrafficRole shop/web of split.smi-spec.io/v1alpha4 does not convert to " + OLD,
        ),
        (
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}},
            "Pod a of v1 does not convert to " + OLD,
        ),
        (5, "one of the objects is no object"),
    ],
)
def test_one_object_that_does_not_convert_fails_all_and_is_named(stored: Any, told: str) -> None:  # noqa: ANN401
    response = converted(review(SPLIT, stored))["response"]
    assert response["convertedObjects"] == []
    assert response["result"] == {"status": "Failure", "message": told}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (None, "is no ConversionReview of apiextensions.k8s.io/v1"),
        ([], "is no ConversionReview of apiextensions.k8s.io/v1"),
        ({"request": 5}, "is no ConversionReview of apiextensions.k8s.io/v1"),
        (review() | {"apiVersion": "apiextensions.k8s.io/v1beta1"}, "is no ConversionReview of"),
        (review(version=5), "with a desiredAPIVersion"),  # type: ignore[arg-type]
        (review() | {"request": {"desiredAPIVersion": OLD}}, "has no list of objects"),
    ],
)
def test_what_is_no_review_is_a_failure(asked: object, told: str) -> None:
    response = converted(asked)["response"]
    assert response["result"]["status"] == "Failure"
    assert told in response["result"]["message"]
    assert isinstance(response["uid"], str)
