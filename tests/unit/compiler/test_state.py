"""Objects of any version make a state, in which every index knows them."""

import pytest

from smi import scheme
from smi.access import TrafficTarget
from smi.compiler.state import Entry, ResourceKey, collect, entries, resource_key
from smi.k8s.resource import NamespacedName, Resource
from smi.split import TrafficSplit
from smi.split.root import split_root
from tests.objects import account, an, binding, pod, port, rule, service, split, target


def test_objects_are_kept_at_their_hub_versions() -> None:
    older = scheme.decode(
        {
            "apiVersion": "access.smi-spec.io/v1alpha3",
            "kind": "TrafficTarget",
            "metadata": {"name": "t", "namespace": "shop"},
            "spec": {
                "destination": account("web"),
                "sources": [account("front")],
                "rules": [rule("TCPRoute", "all")],
            },
        }
    )
    assert older is not None
    ((key, found),) = collect([older]).resources.items()
    assert key == ResourceKey("TrafficTarget", NamespacedName("shop", "t"))
    assert isinstance(found, TrafficTarget)


def test_namespace_is_in_no_namespace() -> None:
    key = resource_key(an("Namespace", "shop"))
    assert key == ResourceKey("Namespace", NamespacedName("", "shop"))


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (
            pod("web-0", "web", labels={"tier": "blue"}),
            {
                Entry(("pods of identity", "shop", "web"), "web-0"),
                Entry(("pods by label", "shop", "app", "web"), "web-0"),
                Entry(("pods at address", "10.0.0.1"), "shop/web-0"),
                Entry(("pods by label", "shop", "tier", "blue"), "web-0"),
            },
        ),
        (
            service("web", port(80), selector={"b": "2", "a": "1"}),
            {
                Entry(("services by label", "shop", "a", "1"), "web"),
                Entry(("services", "shop"), "web"),
            },
        ),
        (
            service("web", port(80), selector={}),
            {
                Entry(("services", "shop"), "web"),
                Entry(("services without selector", "shop"), "web"),
            },
        ),
        (
            an("Namespace", "shop", annotations={"smi-mesh.io/mode": "audit"}),
            {Entry(("namespaces that ask for a mode",), "shop")},
        ),
        (an("Namespace", "shop"), set()),
        (binding("ids", serviceAccount="web"), {Entry(("bindings", "shop"), "ids")}),
        (
            target("t", "web", ["front", "pay/front"], rule("TCPRoute", "all")),
            {
                Entry(("targets of destination", "ServiceAccount", "shop", "web"), "t"),
                Entry(("targets of source", "ServiceAccount", "shop", "front"), "shop/t"),
                Entry(("targets of source", "ServiceAccount", "pay", "front"), "shop/t"),
            },
        ),
        (
            split("s", "root.shop", [("v1", 1)]),
            {
                Entry(("splits of root", "shop", "root"), "s"),
                Entry(("splits of backend", "shop", "v1"), "s"),
            },
        ),
        (split("s", "root.pay", [("v1", 1)]), set()),
        (an("ServiceAccount", "web"), set()),
    ],
)
def test_indexes_list_an_object_where_it_is_looked_for(
    resource: Resource, expected: set[Entry]
) -> None:
    assert set(entries(resource)) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("web", "web"),
        ("web.shop", "web"),
        ("web.shop.svc", "web"),
        ("web.shop.svc.cluster.local", "web"),
        ("web.shop.svc.cluster.local.", "web"),
        ("web.pay", None),
        ("web.shop.cluster.local", None),
        ("web.pay.svc", None),
        ("www.example.com", None),
    ],
)
def test_root_is_a_service_of_the_splits_namespace(written: str, expected: str | None) -> None:
    found = split("s", written, [("v1", 1)])
    assert isinstance(found, TrafficSplit)
    assert split_root(found) == expected
