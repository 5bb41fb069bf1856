import pytest

from smi.model.mesh import changes

A, B, C = object(), object(), object()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": A}, {"a": A}, {}),
        ({"a": A, "b": B}, {"a": A, "b": C}, {"b": C}),
        ({"a": A}, {"a": A, "b": B}, {"b": B}),
        ({"a": A, "b": B}, {"b": B}, {"a": None}),
        ({"a": A, "b": B}, {"b": B, "a": C}, {"a": C}),
        ({"a": A}, {"b": A}, {"b": A, "a": None}),
        ({}, {"a": A}, {"a": A}),
    ],
)
def test_changes_are_other_objects_and_what_is_gone(
    old: dict[str, object], new: dict[str, object], expected: dict[str, object | None]
) -> None:
    assert dict(changes(old, new)) == expected


def test_a_table_has_no_changes_from_itself() -> None:
    table = {"a": A}
    assert list(changes(table, table)) == []
