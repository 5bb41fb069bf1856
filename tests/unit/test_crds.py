import json

import pytest

from smi.crds import KINDS, Webhook, definitions
from smi.k8s.document import Document
from smi.k8s.resource import NamespacedName
from tests import structural


def of(kind: str, webhook: Webhook | None = None) -> Document:
    (found,) = (d for d in definitions(webhook) if d["spec"]["names"]["kind"] == kind)
    return found


def served(definition: Document) -> dict[str, bool]:
    return {version["name"]: version["served"] for version in definition["spec"]["versions"]}


@pytest.mark.parametrize(
    ("kind", "name", "short"),
    [
        ("TrafficTarget", "traffictargets.access.smi-spec.io", "tt"),
        ("IdentityBinding", "identitybindings.access.smi-spec.io", "ib"),
        ("HTTPRouteGroup", "httproutegroups.specs.smi-spec.io", "htr"),
        ("TCPRoute", "tcproutes.specs.smi-spec.io", "tr"),
        ("UDPRoute", "udproutes.specs.smi-spec.io", "ur"),
        ("TrafficSplit", "trafficsplits.split.smi-spec.io", "ts"),
    ],
)
def test_every_kind_has_a_definition_with_the_names_of_the_sdk(
    kind: str, name: str, short: str
) -> None:
    definition = of(kind)
    assert definition["metadata"]["name"] == name
    assert definition["spec"]["names"]["shortNames"] == [short]
    assert definition["spec"]["names"]["categories"] == ["smi"]
    assert definition["spec"]["scope"] == "Namespaced"
    assert len(KINDS) == len(definitions())


def test_newest_version_is_stored_and_comes_first() -> None:
    for definition in definitions():
        stored = [version["storage"] for version in definition["spec"]["versions"]]
        assert stored == [True] + [False] * (len(stored) - 1)
        assert definition["spec"]["versions"][0]["name"] == "v1alpha4"


def test_all_versions_are_served_where_somebody_converts() -> None:
    webhook = Webhook(NamespacedName("smi-mesh", "controller"), ca_bundle="Q0E=")
    assert all(all(served(definition).values()) for definition in definitions(webhook))
    client = of("TrafficSplit", webhook)["spec"]["conversion"]["webhook"]["clientConfig"]
    assert client == {
        "caBundle": "Q0E=",
        "service": {
            "namespace": "smi-mesh",
            "name": "controller",
            "path": "/convert",
            "port": 443,
        },
    }
    at = of("TrafficSplit", Webhook("https://127.0.0.1:1/convert"))["spec"]["conversion"]
    assert at["webhook"]["clientConfig"] == {"url": "https://127.0.0.1:1/convert"}
    assert of("UDPRoute", webhook)["spec"]["conversion"] == {"strategy": "None"}


def test_only_versions_that_mean_the_same_are_served_where_nobody_converts() -> None:
    old = {"v1alpha1": False, "v1alpha2": False}
    same = old | {"v1alpha3": True, "v1alpha4": True}
    assert {kind: served(of(kind)) for kind in ("TrafficTarget", "HTTPRouteGroup")} == {
        "TrafficTarget": same,
        "HTTPRouteGroup": same,
    }
    assert served(of("TrafficSplit")) == same
    assert served(of("TCPRoute")) == old | {"v1alpha3": False, "v1alpha4": True}


def test_status_and_columns_are_those_of_every_version() -> None:
    for definition in definitions():
        for version in definition["spec"]["versions"]:
            assert version["subresources"] == {"status": {}}
            assert "status" in version["schema"]["openAPIV3Schema"]["properties"]
            names = [column["name"] for column in version["additionalPrinterColumns"]]
            assert names[-2:] == ["Accepted", "Age"]
    split = of("TrafficSplit")["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["jsonPath"] for column in split[:2]] == [".spec.service", ".spec.backends"]
    (wide, *_) = of("HTTPRouteGroup")["spec"]["versions"][0]["additionalPrinterColumns"]
    assert wide["priority"] == 1


@pytest.mark.parametrize(
    ("kind", "version", "fields"),
    [
        ("TrafficSplit", "v1alpha2", {"spec": {"service": "a", "backends": [], "matches": [{}]}}),
        ("HTTPRouteGroup", "v1alpha1", {"matches": [{"name": "a", "headers": {"x": "y"}}]}),
        ("TCPRoute", "v1alpha3", {"spec": {"matches": {"ports": [80]}}}),
        (
            "IdentityBinding",
            "v1alpha4",
            {"spec": {"schemes": {"podLabelSelector": {"matchLabels": {"a": "b"}}}}},
        ),
    ],
)
def test_what_another_version_has_is_refused_rather_than_dropped(
    kind: str, version: str, fields: Document
) -> None:
    (schema,) = (
        found["schema"]["openAPIV3Schema"]
        for found in of(kind)["spec"]["versions"]
        if found["name"] == version
    )
    if kind == "IdentityBinding":
        assert structural.accepts(schema, fields)
        selector = fields["spec"]["schemes"]["podLabelSelector"]
        selector["matchExpressions"] = [{"key": "c"}]
    assert not structural.accepts(schema, fields)


def test_definitions_are_plain_values() -> None:
    assert json.loads(json.dumps(definitions())) == list(definitions())
