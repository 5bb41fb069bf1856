import gc
from typing import Any

import pytest

from smi import lists, scheme
from smi.errors import InvalidResource

Document = dict[str, Any]

SPECS: dict[str, Document] = {
    "TrafficTarget": {
        "spec": {
            "destination": {"kind": "ServiceAccount", "name": "a"},
            "rules": [{"kind": "TCPRoute", "name": "a"}],
            "sources": [{"kind": "ServiceAccount", "name": "b"}],
        }
    },
    "IdentityBinding": {"spec": {"schemes": {"serviceAccount": "a"}}},
    "HTTPRouteGroup": {"spec": {"matches": []}},
    "TCPRoute": {"spec": {"matches": {}}},
    "UDPRoute": {"spec": {"matches": {}}},
    "TrafficSplit": {"spec": {"service": "a", "backends": []}},
    "TrafficMetrics": {"resource": {}, "metrics": []},
    "Pod": {"spec": {"containers": []}},
    "Service": {"spec": {}},
    "ServiceAccount": {},
    "Namespace": {},
    "Deployment": {"spec": {"template": {"spec": {"containers": []}}}},
}
NEWEST = {kind.kind: kind.api_version for kind in scheme.kinds()}


def listed(kind: str, *items: Any) -> Document:  # noqa: ANN401 - whatever a list may hold
    return {"apiVersion": NEWEST[kind], "kind": f"{kind}List", "items": list(items)}


def bare(kind: str, name: str) -> Document:
    """An item as the API server sends it."""
    return {"metadata": {"name": name}, **SPECS[kind]}


def said(kind: str, name: str) -> Document:
    return {"apiVersion": NEWEST[kind], "kind": kind, **bare(kind, name)}


@pytest.mark.parametrize("kind", [kind for kind in SPECS if kind != "TrafficMetrics"])
def test_typed_list_says_what_its_items_are(kind: str) -> None:
    found = lists.decode(listed(kind, bare(kind, "x"), said(kind, "y")))
    assert [(one.kind, one.metadata.name) for one in found] == [(kind, "x"), (kind, "y")]


def test_list_of_metrics_is_one_object() -> None:
    document = listed("TrafficMetrics", bare("TrafficMetrics", "x"))
    (found,) = lists.decode(document)
    assert found.kind == "TrafficMetricsList"
    assert lists.items(document) is None


def test_list_may_hold_lists_and_what_is_not_read() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap"}
    inner = listed("TCPRoute", bare("TCPRoute", "x"))
    outer = {"apiVersion": "v1", "kind": "List", "items": [inner, config, said("Service", "y")]}
    assert [one.metadata.name for one in lists.decode(outer)] == ["x", "y"]
    assert [one.metadata.name for one in lists.decode(said("Service", "z"))] == ["z"]


def test_list_in_list_in_list_without_end_is_read() -> None:
    document = listed("TCPRoute")
    for _ in range(5000):
        document = {"apiVersion": "v1", "kind": "List", "items": [document]}
    assert lists.decode(document) == ()
    while items := document["items"]:  # a chain that Python would take apart by recursion
        document["items"], document = [], items[0]


@pytest.mark.parametrize("document", [None, [], {"kind": 5}, {"kind": "List", "items": {}}])
def test_what_is_no_list_has_no_items(document: object) -> None:
    assert lists.items(document) is None


def test_all_that_is_wrong_is_told_by_its_place() -> None:
    bad = bare("TrafficSplit", "x") | {"spec": {"backends": []}}
    document = {
        "kind": "List",
        "items": [listed("TrafficSplit", bare("TrafficSplit", "y"), bad), 5],
    }
    with pytest.raises(InvalidResource) as caught:
        lists.decode(document)
    assert [(p.name, p.field) for p in caught.value.problems] == [
        ("default/x", "items[0].items[1].spec.service"),
        ("", "items[1]"),
    ]


@pytest.mark.parametrize("was_on", [True, False])
def test_collector_is_afterwards_what_it_was(was_on: bool) -> None:
    try:
        (gc.enable if was_on else gc.disable)()
        with pytest.raises(InvalidResource):
            lists.decode({"kind": "List", "items": [5]})
        assert gc.isenabled() is was_on
        with lists.without_collector():
            assert not gc.isenabled()
    finally:
        gc.enable()
