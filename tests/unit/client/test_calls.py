import pytest

from smi import access, metrics, split
from smi.access import v1alpha2
from smi.client import calls
from smi.client.calls import EVERYWHERE, api_kind
from smi.errors import InvalidRequest
from smi.k8s import apps_v1, core_v1
from smi.k8s.resource import Resource

TARGET = api_kind(access.TrafficTarget)


def test_kind_is_named_as_paths_and_rbac_name_it() -> None:
    assert TARGET.resource == "traffictargets.access.smi-spec.io"
    assert api_kind(v1alpha2.TrafficTarget).api_version == "access.smi-spec.io/v1alpha2"
    assert api_kind(core_v1.Service).resource == "services"
    assert api_kind(core_v1.Service).api_version == "v1"


def test_class_of_no_single_kind_is_refused() -> None:
    class Odd(Resource):
        api_version: str = "example.org/v1"
        kind: str = "Odd"

    for kind in (Odd, metrics.TrafficMetrics):
        with pytest.raises(InvalidRequest, match=f"{kind.__name__} is no kind that an API server"):
            api_kind(kind)


def test_object_is_below_its_namespace() -> None:
    call = calls.get(TARGET, "shop", "web")
    assert call.path == ("/apis/access.smi-spec.io/v1alpha4/namespaces/shop/traffictargets/web")
    assert (call.verb, call.method, call.query) == ("get", "GET", ())
    assert str(call) == "get traffictargets.access.smi-spec.io web in namespace shop"


def test_core_kinds_have_a_root_of_their_own() -> None:
    assert calls.get(api_kind(core_v1.Pod), "shop", "web").path == (
        "/api/v1/namespaces/shop/pods/web"
    )
    assert calls.collection(api_kind(apps_v1.Deployment), EVERYWHERE, "").path == (
        "/apis/apps/v1/deployments"
    )


def test_namespace_is_in_no_namespace() -> None:
    namespaces = api_kind(core_v1.Namespace)
    assert calls.get(namespaces, "shop", "pay").path == "/api/v1/namespaces/pay"
    assert calls.collection(namespaces, "shop", "").path == "/api/v1/namespaces"
    said = calls.apply_status(namespaces, "shop", "pay", {}, "me").body
    assert said is not None
    assert said["metadata"] == {"name": "pay"}


def test_list_asks_for_pages() -> None:
    first = calls.collection(TARGET, EVERYWHERE, "app=web")
    assert first.path == "/apis/access.smi-spec.io/v1alpha4/traffictargets"
    assert first.query == (("limit", "500"), ("labelSelector", "app=web"))
    assert calls.collection(TARGET, "shop", "", "next").query == (
        ("limit", "500"),
        ("continue", "next"),
    )


def test_watch_goes_on_from_a_version_and_wants_bookmarks() -> None:
    call = calls.changes(TARGET, "shop", "app=web", "17", 240)
    assert (call.verb, call.method) == ("watch", "GET")
    assert dict(call.query) == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "17",
        "timeoutSeconds": "240",
        "labelSelector": "app=web",
    }
    assert "labelSelector" not in dict(calls.changes(TARGET, "shop", "", "17", 240).query)


def test_apply_says_who_manages_the_fields() -> None:
    document = {"metadata": {"name": "web"}}
    call = calls.apply(TARGET, "shop", document, "flagger", force=False)
    assert (call.verb, call.method, call.content_type) == (
        *("patch", "PATCH", "application/apply-patch+yaml"),
    )
    assert call.query == (("fieldManager", "flagger"),)
    assert call.path.endswith("/traffictargets/web")
    forced = calls.apply(TARGET, "shop", document, "flagger", force=True)
    assert forced.query == (("fieldManager", "flagger"), ("force", "true"))


def test_status_is_applied_to_its_subresource_alone() -> None:
    call = calls.apply_status(api_kind(split.TrafficSplit), "shop", "web", {"a": 1}, "me")
    assert call.path.endswith("/namespaces/shop/trafficsplits/web/status")
    assert call.body == {
        "apiVersion": "split.smi-spec.io/v1alpha4",
        "kind": "TrafficSplit",
        "metadata": {"name": "web", "namespace": "shop"},
        "status": {"a": 1},
    }
    assert str(call) == "patch trafficsplits.split.smi-spec.io/status web in namespace shop"


def test_new_object_goes_to_the_collection_and_a_changed_one_to_itself() -> None:
    document = {"metadata": {"name": "web"}}
    created = calls.create(TARGET, "shop", document)
    assert (created.verb, created.method) == ("create", "POST")
    assert created.path.endswith("/namespaces/shop/traffictargets")
    replaced = calls.replace(TARGET, "shop", "web", document)
    assert (replaced.verb, replaced.method) == ("update", "PUT")
    assert replaced.path.endswith("/namespaces/shop/traffictargets/web")


def test_delete_may_be_of_one_uid_only() -> None:
    anyone = calls.delete(TARGET, "shop", "web", "")
    assert (anyone.verb, anyone.method) == ("delete", "DELETE")
    assert anyone.body == {"apiVersion": "v1", "kind": "DeleteOptions"}
    one = calls.delete(TARGET, "shop", "web", "u-1").body
    assert one is not None
    assert one["preconditions"] == {"uid": "u-1"}


@pytest.mark.parametrize("name", ["", "..", ".", "a/b", "a%2fb"])
def test_name_that_would_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        _ = calls.delete(TARGET, "shop", name, "").path


def test_object_of_a_namespaced_kind_is_not_everywhere() -> None:
    with pytest.raises(InvalidRequest, match="a TrafficTarget is in one namespace: say which"):
        calls.get(TARGET, EVERYWHERE, "web")
