from typing import Any

import pytest

from smi import scheme
from smi.access import IdentityBinding, TrafficTarget
from smi.errors import InvalidResource

API = {"kind": "ServiceAccount", "name": "api"}
WEB = {"kind": "IdentityBinding", "group": "access.smi-spec.io", "name": "web", "namespace": "edge"}
RULE = {"kind": "HTTPRouteGroup", "name": "routes"}
SPEC = {"destination": API, "rules": [RULE], "sources": [WEB]}


def document(kind: str, spec: object) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "shop"}
    return {
        "apiVersion": "access.smi-spec.io/v1alpha4",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }


def target(spec: object) -> TrafficTarget:
    decoded = scheme.decode(document("TrafficTarget", spec))
    assert isinstance(decoded, TrafficTarget)
    return decoded


def binding(schemes: object) -> IdentityBinding:
    decoded = scheme.decode(document("IdentityBinding", {"schemes": schemes}))
    assert isinstance(decoded, IdentityBinding)
    return decoded


def message(kind: str, spec: object) -> str:
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(document(kind, spec))
    return str(caught.value)


def test_both_ends_and_the_rules_of_a_target_are_read() -> None:
    spec = target(SPEC | {"rules": [RULE | {"matches": ["a", "b"]}]}).spec
    assert (spec.destination.kind, spec.destination.namespace) == ("ServiceAccount", None)
    (source,) = spec.sources
    assert (source.kind, source.namespace, source.group) == (
        "IdentityBinding",
        "edge",
        "access.smi-spec.io",
    )
    assert spec.rules[0].matches == ("a", "b")


def test_no_matches_and_empty_matches_are_the_same() -> None:
    assert target(SPEC | {"rules": [RULE | {"matches": []}]}).spec.rules[0].matches == ()
    assert target(SPEC).spec.rules[0].matches == ()


@pytest.mark.parametrize("field", ["destination", "rules", "sources"])
def test_a_target_lacks_nothing(field: str) -> None:
    spec = {name: value for name, value in SPEC.items() if name != field}
    assert message("TrafficTarget", spec).startswith(
        f"TrafficTarget shop/x: spec.{field}: is missing; write {field}: "
    )


@pytest.mark.parametrize("field", ["rules", "sources"])
def test_a_target_has_at_least_one_rule_and_one_source(field: str) -> None:
    assert f"spec.{field}: is empty; write {field}: [" in message(
        "TrafficTarget", SPEC | {field: []}
    )


def test_a_source_without_a_name_is_refused() -> None:
    spec = SPEC | {"sources": [API, {"kind": "ServiceAccount", "name": ""}]}
    assert message("TrafficTarget", spec) == (
        "TrafficTarget shop/x: spec.sources[1].name: is empty; write name: web"
    )


def test_unknown_fields_of_a_target_are_kept_and_listed() -> None:
    spec = SPEC | {"rules": [RULE | {"match": ["typo"]}], "destination": API | {"port": "9091"}}
    assert scheme.unknown_fields(target(spec)) == (
        "spec.destination.port",
        "spec.rules[0].match",
    )
    assert target(spec).model_dump()["spec"]["rules"][0]["match"] == ["typo"]


def test_each_scheme_alone_makes_a_binding() -> None:
    labels = binding({"podLabelSelector": {"matchLabels": {"app": "web"}}}).spec.schemes
    assert labels.pod_label_selector is not None
    assert labels.pod_label_selector.match_labels == {"app": "web"}
    assert binding({"serviceAccount": "web"}).spec.schemes.service_account == "web"
    spiffe = binding({"spiffeIdentities": ["cluster.local/ns/a/sa/b"]}).spec.schemes
    assert spiffe.spiffe_identities == ("cluster.local/ns/a/sa/b",)


def test_labels_and_a_service_account_exclude_each_other() -> None:
    schemes = {"podLabelSelector": {"matchLabels": {"a": "b"}}, "serviceAccount": "web"}
    assert message("IdentityBinding", {"schemes": schemes}) == (
        "IdentityBinding shop/x: spec.schemes: "
        "should have podLabelSelector or serviceAccount, not both"
    )


def test_a_binding_has_a_scheme() -> None:
    assert message("IdentityBinding", {"schemes": {}}).endswith(
        "should have at least one of podLabelSelector, serviceAccount, spiffeIdentities"
    )
    assert "spec.schemes: is missing" in message("IdentityBinding", {})


@pytest.mark.parametrize(
    ("schemes", "field"),
    [
        ({"podLabelSelector": {"matchLabels": {}}}, "podLabelSelector.matchLabels: is empty"),
        ({"podLabelSelector": {}}, "podLabelSelector.matchLabels: is missing"),
        ({"spiffeIdentities": []}, "spiffeIdentities: is empty"),
        ({"spiffeIdentities": [""]}, "spiffeIdentities[0]: is empty"),
        ({"serviceAccount": ""}, "serviceAccount: is empty"),
    ],
)
def test_a_scheme_that_is_there_says_something(schemes: object, field: str) -> None:
    assert f"spec.schemes.{field}" in message("IdentityBinding", {"schemes": schemes})


def test_a_selector_term_that_is_not_known_would_select_too_much() -> None:
    selector = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c"}]}
    assert message("IdentityBinding", {"schemes": {"podLabelSelector": selector}}) == (
        "IdentityBinding shop/x: spec.schemes.podLabelSelector.matchExpressions: is not known here"
    )
