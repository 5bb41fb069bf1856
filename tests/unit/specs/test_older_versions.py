from typing import Any

import pytest

from smi import scheme
from smi.errors import InvalidResource
from smi.k8s.resource import Resource
from smi.specs import HTTPRouteGroup, TCPRoute

MATCHES = [{"name": "a", "pathRegex": "/a", "methods": ["GET"]}, {"name": "b"}]
HEADERS = {"x-user": "bob", "cookie": ".*"}
NAMED = [{"name": "a", "headers": HEADERS}]


def document(version: str, kind: str, **root: object) -> dict[str, Any]:
    return {
        "apiVersion": f"specs.smi-spec.io/{version}",
        "kind": kind,
        "metadata": {"name": "x"},
        **root,
    }


def at_its_place(version: str, matches: object) -> dict[str, Any]:
    return {"matches": matches} if version in {"v1alpha1", "v1alpha2"} else spec_of(matches)


def spec_of(matches: object) -> dict[str, Any]:
    return {"spec": {"matches": matches}}


def hub(version: str, kind: str, **root: object) -> Resource:
    decoded = scheme.decode(document(version, kind, **root))
    assert decoded is not None
    assert decoded.api_version == f"specs.smi-spec.io/{version}"
    converted = scheme.to_hub(decoded)
    assert converted.api_version == "specs.smi-spec.io/v1alpha4"
    assert scheme.unknown_fields(converted) == ()
    return converted


def message(version: str, kind: str, **root: object) -> str:
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(document(version, kind, **root))
    return str(caught.value).removeprefix(f"{kind} default/x: ")


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3"])
def test_matches_of_every_version_are_those_of_the_hub(version: str) -> None:
    converted = hub(version, "HTTPRouteGroup", **at_its_place(version, MATCHES))
    assert isinstance(converted, HTTPRouteGroup)
    assert converted == hub_of(MATCHES)


def hub_of(matches: object) -> Resource | None:
    return scheme.decode(document("v1alpha4", "HTTPRouteGroup", **spec_of(matches)))


@pytest.mark.parametrize("version", ["v1alpha2", "v1alpha3"])
@pytest.mark.parametrize("headers", [HEADERS, [{name: value} for name, value in HEADERS.items()]])
def test_headers_are_read_in_both_forms(version: str, headers: object) -> None:
    matches = [{"name": "a", "headers": headers}]
    converted = hub(version, "HTTPRouteGroup", **at_its_place(version, matches))
    assert isinstance(converted, HTTPRouteGroup)
    assert converted.spec.matches[0].headers == tuple(HEADERS.items())


def test_matches_at_the_root_are_read_where_they_belong_in_the_spec() -> None:
    assert hub("v1alpha3", "HTTPRouteGroup", matches=MATCHES) == hub_of(MATCHES)


def test_v1alpha1_does_not_match_more_requests_than_were_asked() -> None:
    assert message("v1alpha1", "HTTPRouteGroup", matches=NAMED) == (
        "matches[0].headers: v1alpha1 has no headers; write apiVersion: specs.smi-spec.io/v1alpha4"
    )
    stored = scheme.convert_document(
        document("v1alpha1", "HTTPRouteGroup", matches=NAMED), "v1alpha4"
    )
    assert stored["spec"]["matches"] == NAMED


def test_group_without_matches_says_so_where_they_belong() -> None:
    assert message("v1alpha2", "HTTPRouteGroup") == (
        "matches: is missing; write matches: [{name: api, pathRegex: /api}]"
    )


@pytest.mark.parametrize(
    ("version", "root"),
    [("v1alpha1", {}), ("v1alpha2", {}), ("v1alpha3", {}), ("v1alpha3", {"spec": {}})],
)
def test_older_tcp_route_is_of_all_ports(version: str, root: dict[str, Any]) -> None:
    converted = hub(version, "TCPRoute", **root)
    assert isinstance(converted, TCPRoute)
    assert converted.spec.matches.ports == ()


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3"])
def test_older_tcp_route_does_not_open_all_ports_where_some_are_written(version: str) -> None:
    spec = {"matches": {"ports": [8080]}}
    assert message(version, "TCPRoute", spec=spec) == (
        "spec.matches: only v1alpha4 has ports: in older versions all are meant; "
        "write apiVersion: specs.smi-spec.io/v1alpha4"
    )
    assert (
        scheme.convert_document(document(version, "TCPRoute", spec=spec), "v1alpha4")["spec"]
        == spec
    )


def test_older_tcp_route_is_no_group_with_matches_at_its_root() -> None:
    assert message("v1alpha1", "TCPRoute", matches={"ports": [80]}).startswith(
        "matches: only v1alp"
    )
    written = document("v1alpha2", "TCPRoute", matches=[])
    assert scheme.convert_document(written, "v1alpha4")["spec"] == {"matches": {"ports": []}}


@pytest.mark.parametrize("matches", [[], {}, 0])
def test_what_makes_no_sense_at_the_hub_is_refused_where_it_is_not_known(matches: object) -> None:
    if matches == {}:
        read = scheme.decode(document("v1alpha3", "TCPRoute", spec={"matches": matches}))
        assert read is not None
        assert scheme.unknown_fields(read) == ("spec.matches",)
    else:
        assert message("v1alpha3", "TCPRoute", spec={"matches": matches}).startswith("spec.matches")


def test_there_is_no_older_udp_route() -> None:
    assert message("v1alpha3", "UDPRoute") == (
        "apiVersion: should be specs.smi-spec.io/v1alpha4, not specs.smi-spec.io/v1alpha3"
    )


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_matches_of_a_spec_are_refused_where_there_is_none(version: str) -> None:
    said = message(version, "HTTPRouteGroup", matches=NAMED[:0], spec={"matches": []})
    expected = "spec.matches: means nothing here at this version; write matches at the root"
    assert said == expected
