import pytest

from smi.k8s.document import annotated, annotation, items, part


def test_annotations_come_and_go_and_nothing_else_changes() -> None:
    plain = {"kind": "X", "metadata": {"name": "a", "annotations": {"b": "c"}}}
    marked = annotated(plain, "x", "y")
    assert annotation(marked, "x") == "y"
    assert marked["metadata"]["annotations"] == {"b": "c", "x": "y"}
    assert annotated(marked, "x", None) == plain
    assert annotation(plain, "x") is None


def test_no_annotations_are_left_where_there_were_none() -> None:
    plain = {"kind": "X", "metadata": {"name": "a"}}
    assert annotated(annotated(plain, "x", "y"), "x", None) == plain


@pytest.mark.parametrize("odd", [None, 5, "text", [], [1]])
def test_what_is_malformed_is_empty(odd: object) -> None:
    assert part({"a": odd}, "a") == {}
    assert annotation({"metadata": {"annotations": odd}}, "x") is None
    assert annotation({"metadata": {"annotations": {"x": odd}}}, "x") == (
        odd if odd == "text" else None
    )
    assert annotated({"metadata": odd}, "x", "y") == {"metadata": {"annotations": {"x": "y"}}}
    assert items({"a": odd}, "a") == (odd if isinstance(odd, list) else [])
