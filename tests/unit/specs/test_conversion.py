"""What HTTPRouteGroups and TCPRoutes keep while somebody edits them at an older version."""

from typing import Any

import pytest

from smi import scheme
from smi.k8s import stash

Document = dict[str, Any]
BOB, EVE = {"x-user": "bob"}, [{"x-user": "eve"}, {"cookie": ".*"}]


def group(*matches: Document) -> Document:
    return {
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "HTTPRouteGroup",
        "metadata": {"name": "x"},
        "spec": {"matches": list(matches)},
    }


def edited(hub: Document, *matches: Any) -> list[Any]:  # noqa: ANN401
    """The matches at the hub when `matches` have been written at v1alpha1."""
    older = scheme.convert_document(hub, "v1alpha1")
    back = scheme.convert_document({**older, "matches": list(matches)}, "v1alpha4")
    found: list[Any] = back["spec"]["matches"]
    return found


HUB = group(
    {"name": "a", "pathRegex": "/a", "headers": BOB},
    {"name": "b", "methods": ["GET"], "headers": EVE},
    {"name": "c"},
)


def test_match_of_v1alpha1_has_no_headers() -> None:
    older = scheme.convert_document(HUB, "v1alpha1")
    assert older["matches"] == [
        {"name": "a", "pathRegex": "/a"},
        {"name": "b", "methods": ["GET"]},
        {"name": "c"},
    ]
    assert "spec" not in older


def test_removed_match_leaves_the_others_their_headers() -> None:
    assert edited(HUB, {"name": "b", "methods": ["GET"]}) == [HUB["spec"]["matches"][1]]


def test_added_match_leaves_the_others_their_headers() -> None:
    more = {"name": "new", "pathRegex": "/new"}
    found = edited(HUB, more, {"name": "c"}, {"name": "a", "pathRegex": "/a"})
    assert found == [more, {"name": "c"}, HUB["spec"]["matches"][0]]


def test_edited_match_has_its_edits_and_its_headers() -> None:
    (found,) = edited(HUB, {"name": "a", "pathRegex": "/elsewhere", "methods": ["PUT"]})
    assert found == {"name": "a", "pathRegex": "/elsewhere", "methods": ["PUT"], "headers": BOB}


TWINS = group(
    {"name": "a", "pathRegex": "/a", "headers": BOB},
    {"name": "a", "pathRegex": "/b", "headers": EVE},
    {"name": "a", "pathRegex": "/c"},
)


def test_matches_of_one_name_are_told_apart_by_what_is_seen_of_them() -> None:
    found = edited(TWINS, {"name": "a", "pathRegex": "/c"}, {"name": "a", "pathRegex": "/b"})
    assert found == [TWINS["spec"]["matches"][2], TWINS["spec"]["matches"][1]]


def test_edited_match_of_several_of_one_name_asks_for_the_headers_of_all() -> None:
    (found,) = edited(TWINS, {"name": "a", "pathRegex": "/d"})
    assert found["headers"] == [{"x-user": "bob"}, *EVE]


def test_headers_that_are_malformed_stay_malformed() -> None:
    odd = group({"name": "a", "headers": 5}, {"name": "a", "pathRegex": "/", "headers": BOB})
    (found,) = edited(odd, {"name": "a", "pathRegex": "/x"})
    assert found["headers"] == [5, {"x-user": "bob"}]
    assert edited(odd, "odd") == ["odd"]


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3"])
def test_ports_of_a_tcp_route_live_on_at_an_older_version(version: str) -> None:
    route: Document = {
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "TCPRoute",
        "metadata": {"name": "x"},
        "spec": {"matches": {"ports": [8080]}},
    }
    older = scheme.convert_document(route, version)
    assert older.get("spec") == ({} if version == "v1alpha3" else None)
    older["metadata"]["labels"] = {"edited": "true"}
    assert scheme.convert_document(older, "v1alpha4")["spec"] == route["spec"]
    missing = {**route, "spec": {}}  # invalid, and so no grant of all ports
    assert scheme.convert_document(scheme.convert_document(missing, version), "v1alpha4") == missing


def test_stash_that_lost_the_name_of_headers_closes_the_group() -> None:
    written = {
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "HTTPRouteGroup",
        "metadata": {"name": "x"},
        "spec": {"matches": [{"name": "a", "headers": [{"x": "y"}]}]},
    }
    older = scheme.convert_document(written, "v1alpha1")
    annotations = older["metadata"]["annotations"]
    annotations[stash.ANNOTATION] = annotations[stash.ANNOTATION].replace("headers", "header")
    decoded = scheme.decode(older)
    assert decoded is not None
    assert stash.damaged(scheme.to_hub(decoded).metadata.annotations) == stash.ANNOTATION
