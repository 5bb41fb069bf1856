from typing import Any

import pytest

from smi import scheme
from smi.access import TrafficTarget, destination_port
from smi.errors import InvalidResource
from smi.k8s import stash

API = {"kind": "ServiceAccount", "name": "api", "namespace": "shop"}
RULES = [{"kind": "HTTPRouteGroup", "name": "routes", "matches": ["a"]}]
SOURCES = [{"kind": "ServiceAccount", "name": "web"}]
SPEC = {"destination": API, "rules": RULES, "sources": SOURCES}
OLD = ("v1alpha1", "v1alpha2", "v1alpha3")


def target(version: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A TrafficTarget as it is written at a version, from its spec at the others."""
    root = {"spec": spec}
    if version == "v1alpha1":
        root = {"specs" if name == "rules" else name: value for name, value in spec.items()}
    return {
        "apiVersion": f"access.smi-spec.io/{version}",
        "kind": "TrafficTarget",
        "metadata": {"name": "x", "uid": "1", "labels": {"a": "b"}, "finalizers": ["c"]},
        **root,
    }


def hub(version: str, spec: dict[str, Any]) -> TrafficTarget:
    decoded = scheme.decode(target(version, spec))
    assert decoded is not None
    assert decoded.api_version == f"access.smi-spec.io/{version}"
    converted = scheme.to_hub(decoded)
    assert isinstance(converted, TrafficTarget)
    assert converted.api_version == "access.smi-spec.io/v1alpha4"
    return converted


def message(version: str, spec: dict[str, Any]) -> str:
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(target(version, spec))
    return str(caught.value).removeprefix("TrafficTarget default/x: ")


@pytest.mark.parametrize("version", OLD)
def test_every_version_becomes_the_same_target_of_the_hub(version: str) -> None:
    assert hub(version, SPEC) == scheme.decode(target("v1alpha4", SPEC))


def test_the_hub_is_its_own_hub() -> None:
    decoded = scheme.decode(target("v1alpha4", SPEC))
    assert decoded is not None
    assert scheme.to_hub(decoded) is decoded


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
@pytest.mark.parametrize("port", [8080, "8080", 8080.0])
def test_port_of_the_destination_travels_in_an_annotation(version: str, port: object) -> None:
    converted = hub(version, SPEC | {"destination": API | {"port": port}})
    assert converted.metadata.annotations == {destination_port.ANNOTATION: "8080"}
    assert destination_port.destination_port(converted.metadata.annotations) == 8080
    assert scheme.unknown_fields(converted) == ()


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_no_port_is_every_port(version: str) -> None:
    for destination in (API, API | {"port": None}):
        converted = hub(version, SPEC | {"destination": destination})
        assert destination_port.destination_port(converted.metadata.annotations) is None


@pytest.mark.parametrize(
    "port", [0, 65536, -1, "http", True, 80.5, [], {}, "08080", "8_080", " 80", "80.0"]
)
def test_port_that_cannot_be_is_refused_and_never_converts_to_every_port(port: object) -> None:
    written = target("v1alpha2", SPEC | {"destination": API | {"port": port}})
    assert message("v1alpha2", written["spec"]).startswith("spec.destination.port: should be ")
    stored = scheme.convert_document(written, "v1alpha4")
    annotations = stored["metadata"]["annotations"]
    assert destination_port.destination_port(annotations) == destination_port.UNREADABLE


def test_port_has_no_meaning_where_there_is_no_such_field() -> None:
    converted = hub("v1alpha3", SPEC | {"destination": API | {"port": "9091"}})
    assert scheme.unknown_fields(converted) == ("spec.destination.port",)


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
@pytest.mark.parametrize("empty", [[], None])
def test_old_target_may_be_without_rules_and_sources(version: str, empty: object) -> None:
    for spec in ({"destination": API}, {"destination": API, "rules": empty, "sources": empty}):
        converted = hub(version, spec)
        assert (converted.spec.rules, converted.spec.sources) == ((), ())


@pytest.mark.parametrize("version", OLD)
def test_old_version_has_no_bindings_to_gain_by_conversion(version: str) -> None:
    bound = [{"kind": "IdentityBinding", "name": "web"}]
    root = "" if version == "v1alpha1" else "spec."
    assert message(version, SPEC | {"sources": bound}) == (
        f"{root}sources[0].kind: only v1alpha4 has IdentityBinding; "
        "write apiVersion: access.smi-spec.io/v1alpha4"
    )


def test_v1alpha1_says_what_to_write() -> None:
    assert message("v1alpha1", SPEC | {"rules": 5}) == (
        "specs: should be a list, not 5; write specs: [{kind: HTTPRouteGroup, name: api}]"
    )


UDP = {"kind": "UDPRoute", "name": "dns"}
TCP = {"kind": "TCPRoute", "name": "tcp"}
BOUND = {"kind": "IdentityBinding", "name": "web", "group": "access.smi-spec.io"}


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_udp_routes_wait_where_they_cannot_be_said(version: str) -> None:
    written = target("v1alpha4", SPEC | {"rules": [TCP, UDP, *RULES]})
    older = scheme.convert_document(written, version)
    rules = older["specs"] if version == "v1alpha1" else older["spec"]["rules"]
    assert rules == [TCP, *RULES]
    rules.remove(TCP)
    back = scheme.convert_document(older, "v1alpha4")
    assert back["spec"]["rules"] == [*RULES, UDP]


@pytest.mark.parametrize("version", OLD)
def test_binding_that_comes_from_the_hub_is_no_mistake(version: str) -> None:
    written = target("v1alpha4", SPEC | {"destination": API, "sources": [BOUND, *SOURCES]})
    older = scheme.decode(scheme.convert_document(written, version))
    assert older is not None
    assert scheme.to_hub(older) == scheme.decode(written)


def test_binding_that_is_added_at_an_older_version_is_a_mistake() -> None:
    written = target("v1alpha4", SPEC | {"sources": [BOUND]})
    older = scheme.convert_document(written, "v1alpha3")
    older["spec"]["sources"].append({"kind": "IdentityBinding", "name": "other"})
    with pytest.raises(InvalidResource, match=r"spec.sources\[1\].kind: only v1alpha4 has"):
        scheme.decode(older)


def test_group_comes_back_to_the_identity_that_had_it() -> None:
    other = {"kind": "ServiceAccount", "name": "other"}
    plain = {name: value for name, value in BOUND.items() if name != "group"}
    written = target("v1alpha4", SPEC | {"sources": [BOUND, plain, other]})
    older = scheme.convert_document(written, "v1alpha3")
    assert older["spec"]["sources"] == [plain, plain, other]
    older["spec"]["sources"] = [other, plain, plain]
    back = scheme.convert_document(older, "v1alpha4")
    assert back["spec"]["sources"] == [other, BOUND, plain]


def test_port_comes_back_to_its_field() -> None:
    annotations = {destination_port.ANNOTATION: "8080"}
    hub_target = target("v1alpha4", SPEC) | {"metadata": {"name": "x", "annotations": annotations}}
    for version in ("v1alpha1", "v1alpha2"):
        older = scheme.convert_document(hub_target, version)
        root = older if version == "v1alpha1" else older["spec"]
        assert root["destination"] == API | {"port": 8080}
        assert older["metadata"] == {"name": "x"}
        assert scheme.convert_document(older, "v1alpha4") == hub_target
    assert scheme.convert_document(hub_target, "v1alpha3")["metadata"] == hub_target["metadata"]


@pytest.mark.parametrize("version", OLD)
def test_damaged_port_stays_damaged_at_every_version(version: str) -> None:
    annotations = {destination_port.ANNOTATION: "http"}
    damaged = target("v1alpha4", SPEC) | {"metadata": {"name": "x", "annotations": annotations}}
    older = scheme.convert_document(damaged, version)
    assert older["metadata"] == damaged["metadata"]
    assert scheme.convert_document(older, "v1alpha4") == damaged


def test_whole_number_with_a_point_is_a_port() -> None:
    written = target("v1alpha2", SPEC | {"destination": API | {"port": 8080.0}})
    stored = scheme.convert_document(written, "v1alpha4")
    assert stored["metadata"]["annotations"] == {destination_port.ANNOTATION: "8080"}


@pytest.mark.parametrize("odd", [None, 5, [], "text"])
def test_malformed_target_keeps_what_it_has(odd: object) -> None:
    for spec in ({"destination": odd, "sources": [BOUND, 5]}, {"destination": BOUND}):
        written = target("v1alpha4", spec)
        older = scheme.convert_document(written, "v1alpha3")
        assert scheme.convert_document(older, "v1alpha4") == written


@pytest.mark.parametrize(
    ("field", "instead"),
    [("destination", "destination"), ("rules", "specs"), ("sources", "sources")],
)
def test_fields_of_a_spec_are_refused_where_there_is_none(field: str, instead: str) -> None:
    document = target("v1alpha1", SPEC) | {"spec": {field: SPEC[field]}}
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(document)
    assert str(caught.value) == (
        f"TrafficTarget default/x: spec.{field}: means nothing here at this version;"
        f" write {instead}"
    )


@pytest.mark.parametrize("version", ["v1alpha2", "v1alpha3", "v1alpha4"])
@pytest.mark.parametrize(
    ("field", "instead"),
    [("destination", "destination"), ("specs", "rules"), ("sources", "sources")],
)
def test_fields_of_the_root_are_refused_where_there_is_a_spec(
    version: str, field: str, instead: str
) -> None:
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(target(version, SPEC) | {field: "anything"})
    assert str(caught.value) == (
        f"TrafficTarget default/x: {field}: means nothing here at this version;"
        f" write spec.{instead}"
    )


@pytest.mark.parametrize("spec", [5, {}, {"other": 1}])
def test_another_spec_of_a_version_without_one_is_kept(spec: object) -> None:
    written = target("v1alpha1", SPEC) | {"spec": spec}
    decoded = scheme.decode(written)
    assert decoded is not None
    assert scheme.encode(decoded)["spec"] == spec


def test_stash_that_lost_the_name_of_a_group_closes_the_target() -> None:
    foreign = SPEC | {"sources": [SOURCES[0] | {"group": "elsewhere"}]}
    older = scheme.convert_document(target("v1alpha4", foreign), "v1alpha3")
    annotations = older["metadata"]["annotations"]
    annotations[stash.ANNOTATION] = annotations[stash.ANNOTATION].replace("group", "groop")
    decoded = scheme.decode(older)
    assert decoded is not None
    assert stash.damaged(scheme.to_hub(decoded).metadata.annotations) == stash.ANNOTATION


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_rule_of_udp_is_refused_before_there_were_any(version: str) -> None:
    rules = "specs" if version == "v1alpha1" else "spec.rules"
    assert message(version, SPEC | {"rules": [*RULES, {"kind": "UDPRoute", "name": "dns"}]}) == (
        f"{rules}[1].kind: UDPRoute is known from v1alpha3 on;"
        " write apiVersion: access.smi-spec.io/v1alpha4"
    )
