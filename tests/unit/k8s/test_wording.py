import pytest
from pydantic import ValidationError

from smi.k8s.meta_v1 import ObjectMeta
from smi.k8s.shape import Shape
from smi.k8s.wording import field_path, wording


def message(shape: type[Shape], document: object, example: str | None = None) -> str:
    with pytest.raises(ValidationError) as caught:
        shape.model_validate(document)
    (detail,) = caught.value.errors()
    return f"{field_path(detail)}: {wording(detail, example)}".strip()


class Sample(Shape):
    on: bool = False
    texts: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "name: is missing; write one"),
        ({"name": ""}, "name: is empty; write one"),
        ({"name": 7}, 'name: should be text, not 7; put it in quotes: "7"'),
        (
            {"name": True},
            (
                "name: should be text, not true (which YAML also reads in y, yes or on);"
                " put it in quotes"
            ),
        ),
        (
            {"name": False},
            (
                "name: should be text, not false (which YAML also reads in n, no or off);"
                " put it in quotes"
            ),
        ),
        ({"name": ["a"]}, "name: should be text, not a list"),
        (
            {"name": "a", "labels": {"v": 1}},
            'labels.v: should be text, not 1; put it in quotes: "1"',
        ),
        ({"name": "a", "labels": "v"}, 'labels: should be a map, not "v"'),
        (
            {"name": "a", "labels": {1: "v"}},
            'labels[1]: should be text, not 1; put it in quotes: "1"',
        ),
        ([], ": should be a map, not a list"),
    ],
)
def test_metadata_that_is_wrong_is_explained(document: object, expected: str) -> None:
    assert message(ObjectMeta, document) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"on": {}}, "on: should be true or false, not a map"),
        ({"on": "maybe"}, 'on: should be true or false, not "maybe"'),
        ({"on": 10**5000}, "on: should be true or false, not a number that is too large"),
        ({"texts": "a"}, 'texts: should be a list, not "a"'),
        ({"texts": ["a", 1.5]}, "texts[1]: should be text, not 1.5; put it in quotes"),
    ],
)
def test_other_fields_that_are_wrong_are_explained(document: object, expected: str) -> None:
    assert message(Sample, document) == expected


def test_an_example_says_what_to_write() -> None:
    assert message(ObjectMeta, {}, "name: web") == "name: is missing; write name: web"
    assert message(Sample, {"texts": 1}, "texts: [a]") == (
        "texts: should be a list, not 1; write texts: [a]"
    )


def test_a_long_value_is_cut() -> None:
    assert message(Sample, {"texts": "x" * 100}) == (f'texts: should be a list, not "{"x" * 39}…')
