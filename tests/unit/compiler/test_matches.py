"""HTTPRouteGroups become matches; what no proxy takes never holds, and is told."""

import pytest

from smi.model.match import HeaderMatch, HttpMatch, anchored
from smi.specs.validation import MAX_PROGRAM_SIZE, regex_error
from tests.objects import Fields, compiled, group, pod, reasons, rule, target


def matches(*written: Fields) -> tuple[HttpMatch, ...]:
    """What a rule over a group of `written` grants."""
    result = compiled(
        pod("web-0", "web", 8080),
        group("routes", *written),
        target("t", "web", ["front"], rule("HTTPRouteGroup", "routes")),
        pod("front-0", "front"),
    )
    ((granted,),) = (inbound.rules for inbound in result.mesh.inbound.values() if inbound.rules)
    assert granted.http is not None
    return granted.http


def test_match_is_read_as_it_is_written() -> None:
    (match,) = matches(
        {
            "name": "api",
            "pathRegex": "/api",
            "methods": ["GET", "HEAD"],
            "headers": [{"X-User": "a.*"}, {"x-user": ".*z"}],
        }
    )
    assert (match.name, match.path_regex) == ("api", "/api")
    assert match.methods == {"GET", "HEAD"}
    assert match.headers == (HeaderMatch("x-user", "a.*"), HeaderMatch("x-user", ".*z"))


def test_star_is_every_method_even_among_others() -> None:
    assert [m.methods for m in matches({"methods": ["*"]}, {"methods": ["GET", "*"]}, {})] == [
        frozenset()
    ] * 3


def test_empty_path_is_any_path() -> None:
    assert [m.path_regex for m in matches({"pathRegex": ""}, {})] == [None, None]


def test_host_means_the_authority() -> None:
    (match,) = matches({"headers": {"Host": "a", ":authority": "b"}})
    assert match.headers == (HeaderMatch(":authority", "a"), HeaderMatch(":authority", "b"))


@pytest.mark.parametrize(
    ("match", "field", "reason"),
    [
        ({"pathRegex": "/("}, "spec.matches[1].pathRegex", "InvalidRegex"),
        ({"pathRegex": "/a)(b"}, "spec.matches[1].pathRegex", "InvalidRegex"),
        ({"pathRegex": "\\Qabc"}, "spec.matches[1].pathRegex", "InvalidRegex"),
        ({"pathRegex": "/a(?=b)"}, "spec.matches[1].pathRegex", "InvalidRegex"),
        ({"pathRegex": "x" * 11_000}, "spec.matches[1].pathRegex", "InvalidRegex"),
        ({"headers": {"x-a": "["}}, "spec.matches[1].headers.x-a", "InvalidRegex"),
        ({"headers": {"a b": "."}}, "spec.matches[1].headers.a b", "InvalidHeaderName"),
        ({"headers": {":path": "."}}, "spec.matches[1].headers.:path", "InvalidHeaderName"),
        ({"headers": {"X-Envoy-A": "."}}, "spec.matches[1].headers.X-Envoy-A", "HeaderNotAsSent"),
        (
            {"headers": {"x-forwarded-client-cert": "."}},
            "spec.matches[1].headers.x-forwarded-client-cert",
            "HeaderNotAsSent",
        ),
        ({"headers": {"Connection": "."}}, "spec.matches[1].headers.Connection", "HeaderNotAsSent"),
    ],
)
def test_match_that_no_proxy_takes_never_holds(match: Fields, field: str, reason: str) -> None:
    result = compiled(
        pod("web-0", "web", 8080),
        group("routes", {"name": "good"}, {"name": "bad", **match}),
        target("t", "web", ["web"], rule("HTTPRouteGroup", "routes")),
    )
    ((granted,),) = (inbound.rules for inbound in result.mesh.inbound.values())
    assert [m.name for m in granted.http or ()] == ["good"]
    assert reasons(result) == [("error", "HTTPRouteGroup shop/routes", field, reason)]
    assert "'bad' never holds" in result.diagnostics[0].message


def test_name_that_is_given_twice_means_both() -> None:
    result = compiled(
        pod("web-0", "web", 8080),
        group("routes", {"name": "m", "pathRegex": "/a"}, {"name": "m", "pathRegex": "/b"}),
        target("t", "web", ["web"], rule("HTTPRouteGroup", "routes", "m")),
    )
    ((granted,),) = (inbound.rules for inbound in result.mesh.inbound.values())
    assert [m.path_regex for m in granted.http or ()] == ["/a", "/b"]
    assert reasons(result) == [
        (
            "warning",
            "HTTPRouteGroup shop/routes",
            "spec.matches[1].name",
            "DuplicateMatchName",
        )
    ]


@pytest.mark.parametrize("regex", ["", ".*", "/api", "^/a$", "(?i)x|y", "a{3}", "\\Qa\\E", "é"])
def test_regex_of_re2_is_no_error(regex: str) -> None:
    assert regex_error(regex, (regex, anchored(regex))) is None


def test_error_says_what_is_wrong_with_a_regex() -> None:
    assert regex_error("a(", ("a(",)) == "'a(' is not an RE2 expression (missing ): a()"
    long = "x" * 11_000
    told = regex_error(long, (long,)) or ""
    assert f"more than the {MAX_PROGRAM_SIZE} that proxies accept" in told
    assert len(told) < 200


def test_tunnel_is_nothing_that_a_route_can_grant() -> None:
    tunnel = {"name": "a", "methods": ["GET", "CONNECT"]}
    assert reasons(compiled(group("routes", tunnel, {"name": "b", "methods": ["GET"]}, {}))) == [
        (
            "warning",
            "HTTPRouteGroup shop/routes",
            "spec.matches[0].methods",
            "TunnelNotGranted",
        )
    ]
