from typing import Any

import pytest

from smi import scheme
from smi.errors import InvalidResource
from smi.split import TrafficSplit

VERSIONS = ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4")
SPEC: dict[str, Any] = {
    "service": "web",
    "backends": [{"service": "web-v1", "weight": 90}, {"service": "web-v2", "weight": 0}],
}
MATCHES = [{"kind": "HTTPRouteGroup", "name": "beta", "apiGroup": None}]


def split(version: str, spec: object) -> dict[str, Any]:
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }


def hub(version: str, spec: object) -> TrafficSplit:
    decoded = scheme.decode(split(version, spec))
    assert decoded is not None
    assert decoded.api_version == f"split.smi-spec.io/{version}"
    converted = scheme.to_hub(decoded)
    assert isinstance(converted, TrafficSplit)
    assert converted.api_version == "split.smi-spec.io/v1alpha4"
    return converted


def message(version: str, spec: object) -> str:
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(split(version, spec))
    return str(caught.value).removeprefix("TrafficSplit shop/web: ")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_means_the_same(version: str) -> None:
    converted = hub(version, SPEC)
    assert [(b.service, b.weight) for b in converted.spec.backends] == [
        ("web-v1", 90),
        ("web-v2", 0),
    ]
    assert converted == hub("v1alpha4", SPEC)


@pytest.mark.parametrize("version", ["v1alpha3", "v1alpha4"])
def test_matches_are_read_and_a_null_group_is_no_group(version: str) -> None:
    (match,) = hub(version, SPEC | {"matches": MATCHES}).spec.matches
    assert (match.kind, match.name, match.api_group) == ("HTTPRouteGroup", "beta", None)


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_old_split_does_not_split_more_requests_than_were_asked(version: str) -> None:
    assert message(version, SPEC | {"matches": MATCHES}) == (
        "spec.matches: only v1alpha3 and v1alpha4 have matches; "
        "write apiVersion: split.smi-spec.io/v1alpha4"
    )
    assert hub(version, SPEC | {"matches": None}).spec.matches == ()


@pytest.mark.parametrize("version", VERSIONS[1:])
@pytest.mark.parametrize(
    ("weight", "wrong"),
    [
        (0.5, "should be a whole number, not 0.5"),
        (-1, "should be 0 or more, not -1"),
        (True, "should be a whole number, not true"),
        ("500m", 'should be a whole number, not "500m"'),
        ("1", 'should be a whole number, not "1"'),
        (10**30, "should be 9223372036854775807 or less, not 1000000000000000000000000000000"),
        (float("nan"), "should be a whole number, not NaN"),
    ],
)
def test_weights_are_whole_numbers(version: str, weight: object, wrong: str) -> None:
    backends = [SPEC["backends"][0], {"service": "web-v2", "weight": weight}]
    assert message(version, SPEC | {"backends": backends}) == (
        f"spec.backends[1].weight: {wrong}; "
        "write weight: 90 (weights are shares: 1 and 3 say what 0.5 and 1.5 do)"
    )


def test_a_whole_number_may_be_written_with_a_point() -> None:
    (backend,) = hub(
        "v1alpha4", SPEC | {"backends": [{"service": "a", "weight": 3.0}]}
    ).spec.backends
    assert backend.weight == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_a_split_has_a_root_and_backends(version: str) -> None:
    service, backends = message(version, {}).splitlines()
    assert service == "spec.service: is missing; write service: web"
    assert backends == (
        "TrafficSplit shop/web: spec.backends: is missing; "
        "write backends: [{service: web-v1, weight: 90}, {service: web-v2, weight: 10}]"
    )
    assert message(version, []) == (
        "spec: should be a map, not a list; write spec: and the fields of the object below it"
    )


def test_unknown_fields_survive_conversion() -> None:
    converted = hub("v1alpha2", SPEC | {"mirror": True})
    assert scheme.unknown_fields(converted) == ("spec.mirror",)
