import pytest

from smi.decision.matching import failure, seen
from smi.decision.request import Protocol, Request
from smi.model.match import HttpMatch
from tests import builders as a

WEB = a.name("web")


def why(match: HttpMatch, request: Request, path: str = "/") -> str | None:
    return failure(match, seen(request, WEB, path))


def request(**fields: object) -> Request:
    return Request("shop/front", "shop/web:80", **fields)  # type: ignore[arg-type]


def test_match_that_asks_nothing_holds() -> None:
    assert why(a.match(), request()) is None


@pytest.mark.parametrize(
    ("regex", "path", "holds"),
    [
        ("/api", "/api", True),
        ("/api", "/apis/x", True),
        ("/api", "/x/api", False),
        ("/api", "/?/api", False),
        ("/api$", "/api?x", True),
        ("/a|/b", "/b/c", True),
        (".*", "/anything", True),
        ("^/api", "/api", True),
        ("(?i)/API", "/api", True),
    ],
)
def test_path_is_matched_from_its_start_without_the_query(
    regex: str, path: str, holds: bool
) -> None:
    failed = why(a.match(regex), request(), path)
    assert failed is None if holds else "does not begin with" in (failed or "")


def test_method_is_one_of_those_that_are_named() -> None:
    assert why(a.match(methods=["GET", "HEAD"]), request(method="HEAD")) is None
    assert why(a.match(methods=["GET", "HEAD"]), request(method="POST")) == (
        "method POST is not GET or HEAD"
    )
    assert why(a.match(methods=["GET"]), request(method="get")) is not None


@pytest.mark.parametrize(
    ("sent", "holds"),
    [
        ((("x-user", "ab"),), True),
        ((("X-USER", " ab\t"),), True),
        ((("x-user", "a"), ("x-user", "b")), False),
        ((("x-user", "abc"),), False),
        ((), False),
    ],
)
def test_header_is_matched_whole(sent: tuple[tuple[str, str], ...], holds: bool) -> None:
    match = a.match(headers={"x-user": "ab"})
    assert (why(match, request(headers=sent)) is None) is holds


def test_failure_names_the_header() -> None:
    match = a.match(headers={"x-user": "ab"})
    assert why(match, request()) == "header 'x-user' is not there"
    sent = (("x-user", "c"),)
    assert why(match, request(headers=sent)) == "header 'x-user' is 'c', which is not all of 'ab'"


def test_repeated_header_is_joined_by_commas() -> None:
    sent = (("x-tag", "a"), ("X-Tag", "b"))
    assert why(a.match(headers={"x-tag": "a,b"}), request(headers=sent)) is None


@pytest.mark.parametrize(("protocol", "joined"), [(Protocol.HTTP, "a,b"), (Protocol.H2, "a; b")])
def test_cookies_that_http_2_splits_are_one(protocol: Protocol, joined: str) -> None:
    sent = (("cookie", "a"), ("Cookie", "b"))
    match = a.match(headers={"cookie": joined})
    assert why(match, request(headers=sent, protocol=protocol)) is None


@pytest.mark.parametrize(
    ("fields", "host"),
    [
        ({}, "web.shop"),
        ({"authority": "x:1"}, "x:1"),
        ({"authority": "x", "path": "http://h:80/"}, "h:80"),
        ({"authority": "x", "path": "http://h:80/", "protocol": Protocol.H2}, "x"),
    ],
)
def test_host_is_the_authority(fields: dict[str, object], host: str) -> None:
    assert why(a.match(headers={":authority": host}), request(**fields)) is None


def test_header_beyond_ascii_is_matched_by_its_bytes() -> None:
    match = a.match(headers={"x-user": "é"})
    assert why(match, request(headers=(("x-user", "é"),))) is None


@pytest.mark.parametrize(
    ("protocol", "authority"),
    [(Protocol.HTTP, "web.shop,other,again"), (Protocol.H2, "web.shop")],
)
def test_host_that_is_sent_again_is_joined_in_http_1_and_dropped_in_http_2(
    protocol: Protocol, authority: str
) -> None:
    sent = request(protocol=protocol, headers=(("Host", "other"), ("host", "again")))
    assert seen(sent, WEB, "/").headers == {":authority": authority}


def test_host_of_an_absolute_uri_wins() -> None:
    sent = request(path="http://u@there/x", authority="here", headers=(("host", "other"),))
    assert seen(sent, WEB, "/x").headers == {":authority": "there"}
