"""Weights as quantities and as whole numbers, and matches where a version has none."""

from typing import Any

import pytest

from smi import scheme
from smi.errors import InvalidResource
from smi.k8s.quantity import quantity
from smi.split import TrafficSplit, v1alpha1
from smi.split.conversion import NOTATION

Document = dict[str, Any]
MATCHES = [{"kind": "HTTPRouteGroup", "name": "beta"}]


def split(version: str, *weights: object, **spec: object) -> Document:
    backends = [{"service": f"v{index}", "weight": weight} for index, weight in enumerate(weights)]
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": {"name": "x"},
        "spec": {"service": "web", "backends": backends, **spec},
    }


def weights(document: Document) -> list[object]:
    return [backend["weight"] for backend in document["spec"]["backends"]]


def reweighted(document: Document, *values: object) -> Document:
    backends = [
        {**backend, "weight": weight}
        for backend, weight in zip(document["spec"]["backends"], values, strict=True)
    ]
    return {**document, "spec": {**document["spec"], "backends": backends}}


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ((1, "500m"), [2, 1]),
        (("10m", "100m", "1500m"), [1, 10, 150]),
        ((90, 10), [90, 10]),
        (("1k", "0.5"), [2000, 1]),
        (("1k", "500"), [1000, 500]),
        ((0, "0"), [0, 0]),
        ((0, "10m"), [0, 1]),
        ((), []),
        ((0.25, "1Ki"), [1, 4096]),
        (("9E", "3E"), [9 * 10**18, 3 * 10**18]),
        (("9E", "4.5E", "500m"), [2**63 - 1, (2**63 - 1) // 2, 1]),
        (("9E", "1n", "0"), [2**63 - 1, 1, 0]),
    ],
)
def test_quantities_become_whole_numbers_of_the_same_proportions(
    written: tuple[object, ...], whole: list[int]
) -> None:
    older = split("v1alpha1", *written)
    hub = scheme.convert_document(older, "v1alpha4")
    assert weights(hub) == whole
    assert scheme.convert_document(hub, "v1alpha1") == older


def test_whole_numbers_need_no_annotation() -> None:
    assert scheme.convert_document(split("v1alpha1", 90, 10), "v1alpha4") == split(
        "v1alpha4", 90, 10
    )


def test_whole_weights_are_whole_quantities() -> None:
    assert scheme.convert_document(split("v1alpha4", 90, 10), "v1alpha1") == split(
        "v1alpha1", 90, 10
    )


def test_notation_of_weights_that_were_edited_is_gone() -> None:
    hub = scheme.convert_document(split("v1alpha1", "1", "500m"), "v1alpha2")
    assert NOTATION in hub["metadata"]["annotations"]
    assert scheme.convert_document(reweighted(hub, 75, 25), "v1alpha1") == split("v1alpha1", 75, 25)


@pytest.mark.parametrize("notation", ["", "5", "[[[", '["1"]', '["x", "y"]'])
def test_notation_that_is_damaged_is_gone(notation: str) -> None:
    hub = split("v1alpha4", 2, 1)
    hub["metadata"] = {"name": "x", "annotations": {NOTATION: notation}}
    assert scheme.convert_document(hub, "v1alpha1") == split("v1alpha1", 2, 1)
    decoded = scheme.decode(hub)
    assert decoded is not None


@pytest.mark.parametrize("weight", ["x", -1, "-500m", None, [], True])
def test_weight_that_is_no_quantity_is_left_for_the_hub_to_refuse(weight: object) -> None:
    hub = scheme.convert_document(split("v1alpha1", "500m", weight), "v1alpha4")
    assert weights(hub) == ["500m", weight]
    with pytest.raises(InvalidResource):
        scheme.decode(hub)


@pytest.mark.parametrize(
    ("weight", "wrong"),
    [
        ("x", 'should be a quantity: 1, "500m" or "1.5"'),
        ("-1", 'should be 0 or more, not "-1"'),
        ("10E", 'should be 9223372036854775807 or less, not "10E"'),
        (True, 'should be a quantity: 1, "500m" or "1.5"'),
    ],
)
def test_weight_that_is_no_quantity_is_told(weight: object, wrong: str) -> None:
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(split("v1alpha1", weight))
    assert f"spec.backends[0].weight: {wrong}" in str(caught.value)


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_matches_survive_weights_that_are_put_where_there_are_none(version: str) -> None:
    older = scheme.convert_document(split("v1alpha4", 0, 100, matches=MATCHES), version)
    assert "matches" not in older["spec"]
    hub = scheme.convert_document(reweighted(older, 10, 90), "v1alpha4")
    assert hub == split("v1alpha4", 10, 90, matches=MATCHES)


@pytest.mark.parametrize("content", ['{"matches": [5]}', '{"matches": "beta"}', "{"])
def test_split_whose_matches_are_damaged_is_closed(content: str) -> None:
    older = split("v1alpha2", 0, 100)
    annotations = {"conversion.smi-mesh.io/v1alpha4": content}
    read = scheme.decode({**older, "metadata": {"name": "x", "annotations": annotations}})
    assert read is not None
    hub = scheme.to_hub(read)
    assert isinstance(hub, TrafficSplit)
    assert hub.spec.matches == ()
    assert hub.metadata.annotations == annotations  # by which the compiler leaves it out


def test_weight_is_a_quantity_in_python() -> None:
    half = quantity("500m")
    assert half is not None
    assert v1alpha1.TrafficSplitBackend(service="web", weight=half).weight is half
