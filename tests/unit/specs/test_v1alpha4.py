from typing import Any

import pytest

from smi import scheme
from smi.errors import InvalidResource
from smi.specs import HTTPRouteGroup
from smi.specs.v1alpha4 import HTTPMatch


def document(kind: str, **root: object) -> dict[str, Any]:
    return {
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": kind,
        "metadata": {"name": "x"},
        **root,
    }


def group(**root: object) -> HTTPRouteGroup:
    decoded = scheme.decode(document("HTTPRouteGroup", **root))
    assert isinstance(decoded, HTTPRouteGroup)
    return decoded


def message(kind: str, **root: object) -> str:
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(document(kind, **root))
    return str(caught.value).removeprefix(f"{kind} default/x: ")


def match_message(**match: object) -> str:
    return message("HTTPRouteGroup", spec={"matches": [{"name": "a", **match}]})


def test_a_match_has_path_methods_and_headers() -> None:
    match = {"name": "a", "pathRegex": "/a", "methods": ["GET", "*"], "headers": {"x": "y"}}
    (read,) = group(spec={"matches": [match]}).spec.matches
    assert (read.name, read.path_regex, read.methods) == ("a", "/a", ("GET", "*"))
    assert read.headers == (("x", "y"),)


def test_what_a_match_leaves_out_asks_nothing() -> None:
    (read,) = group(spec={"matches": [{"name": "a"}]}).spec.matches
    assert (read.path_regex, read.methods, read.headers) == (None, (), ())


def test_headers_may_be_a_list_that_names_one_twice() -> None:
    headers = [{"b": "1"}, {"a": "2"}, {"b": "3"}]
    (read,) = group(spec={"matches": [{"name": "a", "headers": headers}]}).spec.matches
    assert read.headers == (("b", "1"), ("a", "2"), ("b", "3"))


def test_headers_are_pairs_in_python() -> None:
    assert HTTPMatch(name="a", headers=(("x", "y"),)).headers == (("x", "y"),)


def test_the_same_name_twice_does_not_stop_the_group() -> None:
    assert len(group(spec={"matches": [{"name": "a"}, {"name": "a"}]}).spec.matches) == 2


@pytest.mark.parametrize("root", [{}, {"spec": None}, {"spec": {}}])
def test_matches_at_the_root_are_read(root: dict[str, Any]) -> None:
    read = group(matches=[{"name": "a"}], **root)
    assert [match.name for match in read.spec.matches] == ["a"]
    assert scheme.unknown_fields(read) == ()


def test_matches_in_both_places_are_refused() -> None:
    both = {"matches": [{"name": "root"}], "spec": {"matches": [{"name": "spec"}]}}
    assert message("HTTPRouteGroup", **both) == (
        "matches: means nothing here at this version; write them in spec.matches"
    )


def test_a_group_without_spec_says_so() -> None:
    assert message("HTTPRouteGroup").startswith("spec: is missing; write spec: ")
    assert message("HTTPRouteGroup", matches=[], spec=5) == (
        "spec: should be a map, not 5; write spec: and the fields of the object below it"
    )


def test_a_group_without_matches_says_so() -> None:
    assert message("HTTPRouteGroup", spec={}) == (
        "spec.matches: is missing; write matches: [{name: api, pathRegex: /api}]"
    )


def test_a_match_has_a_name() -> None:
    assert match_message(name="") == "spec.matches[0].name: is empty; write name: web"


def test_a_method_is_one_of_those_of_the_specification() -> None:
    assert match_message(methods=["GET", "get"]) == (
        "spec.matches[0].methods[1]: should be '*', 'GET', 'HEAD', 'PUT', 'POST', 'DELETE', "
        "'CONNECT', 'OPTIONS', 'TRACE' or 'PATCH', not \"get\""
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (5, ": should be a map of header names to regular expressions"),
        ({"x": True}, ".x: should be a regular expression; put it in quotes"),
        ({"": "y"}, ".: should have the name of a header before the colon"),
        ([{"a": "b"}, {"x": 1}], "[1].x: should be a regular expression; put it in quotes"),
        (["x"], "[0]: should be one header and its regular expression, as in user-agent: .*"),
        ([{}], "[0]: should be one header and its regular expression, as in user-agent: .*"),
        (
            [{"a": "b", "c": "d"}],
            "[0]: should be one header and its regular expression, as in user-agent: .*",
        ),
    ],
)
def test_headers_that_are_wrong_are_explained(headers: object, expected: str) -> None:
    assert match_message(headers=headers) == f"spec.matches[0].headers{expected}"


@pytest.mark.parametrize("kind", ["TCPRoute", "UDPRoute"])
def test_routes_have_ports(kind: str) -> None:
    decoded: Any = scheme.decode(document(kind, spec={"matches": {"ports": [80, "8080"]}}))
    assert type(decoded).__name__ == kind
    assert decoded.spec.matches.ports == (80, 8080)


@pytest.mark.parametrize("matches", [{}, {"ports": []}, {"ports": None}])
def test_no_ports_are_all_ports(matches: dict[str, Any]) -> None:
    decoded: Any = scheme.decode(document("TCPRoute", spec={"matches": matches}))
    assert decoded.spec.matches.ports == ()


def test_a_route_without_matches_is_no_grant_of_everything() -> None:
    assert message("TCPRoute", spec={}) == (
        "spec.matches: is missing; "
        "write matches: {ports: [8080]}, or matches: {ports: []} for all ports"
    )
    assert "spec: is missing" in message("UDPRoute")


@pytest.mark.parametrize("port", [0, 65536, -1, True, "x"])
def test_a_port_that_cannot_be_is_refused(port: object) -> None:
    assert "spec.matches.ports[1]: should be " in message(
        "TCPRoute", spec={"matches": {"ports": [80, port]}}
    )


def test_ports_are_a_list() -> None:
    assert message("TCPRoute", spec={"matches": {"ports": 80}}) == (
        "spec.matches.ports: should be a list, not 80; write ports: [8080]"
    )
