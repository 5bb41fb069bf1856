from typing import Any

from smi import split
from smi.client.objects import Undecodable, listed
from smi.k8s.resource import NamespacedName
from smi.split import v1alpha1


def item(name: str, weight: object = 1) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"u-{name}", "resourceVersion": "7"},
        "spec": {"service": "web", "backends": [{"service": "v1", "weight": weight}]},
    }


def page(*items: object, version: str = "9") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": version}, "items": list(items)}


def test_items_of_a_list_are_of_its_kind_and_version() -> None:
    found = listed(v1alpha1.TrafficSplit, page(item("a", "500m"), item("b")))
    assert [one.metadata.name for one in found] == ["a", "b"]
    assert {type(one) for one in found.items} == {v1alpha1.TrafficSplit}
    assert found.version == "9"
    assert found.found[0].key == NamespacedName("shop", "a")
    assert (found.found[0].uid, found.found[0].version) == ("u-a", "7")


def test_object_that_cannot_be_read_hides_no_other() -> None:
    found = listed(split.TrafficSplit, page(item("a", -1), item("b"), {"metadata": "odd"}))
    assert [one.metadata.name for one in found] == ["b"]
    negative, odd = found.undecodable
    assert (negative.kind, negative.key) == ("TrafficSplit", NamespacedName("shop", "a"))
    assert negative.reason.startswith("spec.backends[0].weight: should be 0 or more, not -1")
    assert odd.key == NamespacedName("", "")


def test_everything_that_is_wrong_is_one_line() -> None:
    wrong = item("a", -1)
    wrong["spec"]["service"] = 3
    [found] = listed(split.TrafficSplit, page(wrong)).found
    assert isinstance(found.value, Undecodable)
    assert found.value.reason.startswith("spec.service: should be text, not 3; ")
    assert "; spec.backends[0].weight: should be 0 or more" in found.value.reason
