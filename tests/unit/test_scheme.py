from typing import Any

import pytest

from smi import scheme
from smi.errors import InvalidRequest, InvalidResource
from smi.k8s.core_v1 import ServiceAccount
from smi.k8s.meta_v1 import ObjectMeta
from smi.scheme import Kind

Document = Any  # also what is none: bytes from outside may hold anything


def message(document: Document) -> str:
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(document)
    return str(caught.value)


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "ConfigMap"),
        ("batch/v1", "CronJob"),
        ("apps/v1beta1", "Deployment"),
        ("gateway.networking.k8s.io/v1", "TCPRoute"),
        ("notsmi-spec.example/v1", "Thing"),
    ],
)
def test_kinds_of_other_groups_mean_nothing(api_version: str, kind: str) -> None:
    assert scheme.decode({"apiVersion": api_version, "kind": kind}) is None


@pytest.mark.parametrize("version", ["access.smi-spec.io/v1alpha9", "v1alpha3", "v2"])
def test_a_version_that_is_not_read_is_an_error_that_lists_the_others(version: str) -> None:
    document = {"apiVersion": version, "kind": "TrafficTarget", "metadata": {"name": "x"}}
    assert message(document) == (
        "TrafficTarget default/x: apiVersion: should be access.smi-spec.io/v1alpha4 "
        f"(or v1alpha1, v1alpha2, v1alpha3), not {version}"
    )


def test_a_kind_in_the_wrong_group_is_told_its_group() -> None:
    document = {"apiVersion": "spec.smi-spec.io/v1alpha4", "kind": "TCPRoute"}
    assert message(document) == (
        "TCPRoute: apiVersion: should be specs.smi-spec.io/v1alpha4 (or v1alpha1, v1alpha2, "
        "v1alpha3), not spec.smi-spec.io/v1alpha4"
    )


def test_a_kind_that_no_smi_group_has_is_told_which_there_are() -> None:
    document = {"apiVersion": "access.smi-spec.io/v1alpha1", "kind": "TrafficRole"}
    assert message(document) == (
        "TrafficRole: kind: should be one of HTTPRouteGroup, IdentityBinding, TCPRoute, "
        "TrafficMetrics, TrafficMetricsList, TrafficSplit, TrafficTarget, UDPRoute"
    )


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_what_is_no_map_is_no_object(document: object) -> None:
    assert message(document) == (
        "is not a Kubernetes object: a map with apiVersion, kind and metadata"
    )


@pytest.mark.parametrize("wrong", [None, 5, "", []])
def test_an_object_says_what_it_is(wrong: object) -> None:
    for kind, version in (("Deployment", "apps/v1"), ("Other", "access.smi-spec.io/v1alpha4")):
        said = message({"apiVersion": wrong, "kind": kind})
        assert f"apiVersion: is missing; write apiVersion: {version}" in said
    assert "kind: is missing; write kind: " in message({"apiVersion": "v1", "kind": wrong})


@pytest.mark.parametrize("metadata", [None, 5, {}, {"name": 5}])
def test_an_object_without_a_name_is_named_by_its_kind(metadata: object) -> None:
    document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    assert message(document).startswith("ServiceAccount: metadata")


def test_kinds_come_with_their_versions_oldest_first() -> None:
    kinds = scheme.kinds()
    splits = [kind.api_version for kind in kinds if kind.kind == "TrafficSplit"]
    assert splits == [f"split.smi-spec.io/v1alpha{version}" for version in (1, 2, 3, 4)]
    assert Kind("v1", "Namespace") in kinds
    assert len(set(kinds)) == len(kinds)


UDP = {
    "apiVersion": "specs.smi-spec.io/v1alpha4",
    "kind": "UDPRoute",
    "metadata": {"name": "dns"},
    "spec": {"matches": {"ports": [53]}},
}


def test_a_version_that_a_kind_does_not_have_is_told() -> None:
    route = scheme.decode(UDP)
    assert route is not None
    with pytest.raises(InvalidRequest) as caught:
        scheme.convert(route, "v1alpha3")
    assert str(caught.value) == (
        "UDPRoute has no version specs.smi-spec.io/v1alpha3, only specs.smi-spec.io/v1alpha4"
    )
    with pytest.raises(InvalidRequest):
        scheme.convert(route, "access.smi-spec.io/v1alpha4")


@pytest.mark.parametrize("version", ["v1alpha4", "specs.smi-spec.io/v1alpha4"])
def test_a_version_may_be_given_with_its_group(version: str) -> None:
    route = scheme.decode(UDP)
    assert route is not None
    assert scheme.convert(route, version) is route


@pytest.mark.parametrize(
    "document",
    [
        UDP,
        UDP | {"apiVersion": "specs.smi-spec.io/v1alpha9"},
        UDP | {"apiVersion": 5},
        UDP | {"kind": None},
        {"apiVersion": "v1", "kind": "Pod"},
        {},
    ],
)
def test_a_document_that_does_not_convert_is_given_back(document: Document) -> None:
    assert scheme.convert_document(document, "v1alpha3") == document


def test_an_object_of_a_core_kind_has_its_own_version_only() -> None:
    account = scheme.decode(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}
    )
    assert account is not None
    assert scheme.convert(account, "v1") is account
    with pytest.raises(InvalidRequest):
        scheme.convert(account, "v2")


def test_an_object_made_in_python_has_a_document() -> None:
    made = ServiceAccount(metadata=ObjectMeta(name="a"))
    assert scheme.encode(made) == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "a"},
    }


def test_an_object_of_a_core_kind_is_its_own_hub() -> None:
    namespace = scheme.decode(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    )
    assert namespace is not None
    assert scheme.to_hub(namespace) is namespace
