"""Request targets as Envoy 1.40 rewrites them; every row was seen to come out of one."""

import pytest

from smi.model.path import authority, is_ambiguous, normalised, without_query

BOTH = [
    ("/", "/"),
    ("//", "//"),
    ("///", "//"),
    ("//a", "/a"),
    ("/a//", "/a/"),
    ("/a//../b", "/a/b"),
    ("/a//..", "/a/"),
    ("/a/..", "/"),
    ("/a/.", "/a/"),
    ("/..", "/"),
    ("/.", "/"),
    ("/../..", "/"),
    ("/a/b/../../..", "/"),
    ("/a/./b", "/a/b"),
    ("/a/.//b", "/a/b"),
    ("/a//./", "/a/"),
    ("/a/..//b", "/b"),
    ("/...", "/..."),
    ("/.a", "/.a"),
    ("/a/..b", "/a/..b"),
    ("/a\\b\\..\\c", "/a/c"),
    ("/a\\", "/a/"),
    ("/a/%2e%2e/b", "/b"),
    ("/a/%2e%2E", "/"),
    ("/a/.%2e/b", "/b"),
    ("/a/%2E", "/a/"),
    ("/%61%7e", "/a~"),
    ("/%2e%2e%2fa", "/..%2fa"),
    ("/a%2Fb/..", "/"),
    ("/a%5C..", "/a%5C.."),
    ("/%E9", "/%E9"),
    ("/%c3%a9", "/%c3%a9"),
    ("/a%0Ab", "/a%0Ab"),
    ("/%7f", "/%7f"),
    ("/a%23b", "/a%23b"),
    ("/a%3fb", "/a%3fb"),
    ("/%zz", "/%zz"),
    ("/a%", "/a%"),
    ("/a%2", "/a%2"),
    ("/%u0041", "/%u0041"),
    ("/a/%252e%252e/b", "/a/%252e%252e/b"),
    ("/%2%65", "/%252e"),
    ("/%%34%31", "/%2541"),
    ("/%4%31", "/%2541"),
    ("/%25%34%31", "/%2541"),
    ("/%2%45/x", "/%252E/x"),
    ('/"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D"),
    ("/a'b()!*,$&+=;:@[]~", "/a'b()!*,$&+=;:@[]~"),
    ("/a/..;/b", "/b"),
    ("/a/..;x=1;y/b", "/b"),
    ("/a/.;x", "/a/"),
    ("/a/..;x?y/..;/", "/?y/..;/"),
    ("/a/..;\\b", "/"),
    ("/a/..;%2fb", "/"),
    ("/a/..%3b/b", "/a/..%3b/b"),
    ("/a/...;/b", "/a/...;/b"),
    ("/a;x/../b", "/b"),
    ("/a/;../b", "/a/;../b"),
    ("/?", "/?"),
    ("/a?/../b//c", "/a?/../b//c"),
    ("/a?%00", "/a?%00"),
    ("/a?b\\c", "/a?b\\c"),
    ("/a?b?c", "/a?b?c"),
    ("/a/?x", "/a/?x"),
    ("/a/.?x", "/a/?x"),
    ("/a/..?x", "/?x"),
    ("/?a/..", "/?a/.."),
    ("/a#b", None),
    ("/a?#", None),
    ("/%00", None),
    ("/a b", None),
    ("/\x01", None),
    ("/\x7f", None),
    ("/a? b", None),
    ("*", None),
    ("x", None),
    ("", None),
    ("?q", None),
    ("\\a", None),
    ("ftp://h/x", None),
]


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize(("target", "expected"), BOTH)
def test_target_is_rewritten_as_sidecars_do(target: str, expected: str | None, http2: bool) -> None:
    assert normalised(target, http2=http2) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://h/x/../y?z", "/y?z"),
        ("https://h/x", "/x"),
        ("HTTP://h/x", "/x"),
        ("http://h", "/"),
        ("http://h//x", "/x"),
        ("http://h:80/x", "/x"),
        ("http://u:p@h/x", "/x"),
        ("http://@h/x", "/x"),
        ("http://[::1]:080/x", "/x"),
        ("http://h.-:65535/x", "/x"),
        ("http://h:65536/x", None),
        ("http://h:/x", None),
        ("http://h:x/x", None),
        ("http://:80/x", None),
        ("http://h_/x", None),
        ("http://%41/x", None),
        ("http://a\\b/x", None),
        ("http://a@b@c/x", None),
        ("http://[x]/x", None),
        ("http:///x", None),
        ("http://h?q", None),  # answered with 404
    ],
)
def test_absolute_uri_is_of_http_1_only(target: str, expected: str | None) -> None:
    assert normalised(target) == expected
    assert normalised(target, http2=True) is None


@pytest.mark.parametrize(
    ("target", "expected"), [("/é", "/%C3%A9"), ("/a?é", "/a?é"), ("/é/../b", "/b")]
)
def test_bytes_above_ascii_are_of_http_2_only(target: str, expected: str) -> None:
    assert normalised(target) is None
    assert normalised(target, http2=True) == expected


@pytest.mark.parametrize("target", [t for t, expected in BOTH if expected])
def test_what_is_forwarded_is_left_alone_by_the_next_sidecar(target: str) -> None:
    once = normalised(target)
    assert once is not None
    assert normalised(once) == once


@pytest.mark.parametrize(
    ("target", "expected"), [("/a/%2e%2e;/b", "/a/..;/b"), ("/a\\..;\\b", "/a/..;/b")]
)
def test_dot_segment_that_escapes_hid_keeps_its_parameters(target: str, expected: str) -> None:
    once = normalised(target)
    assert once == expected
    assert is_ambiguous(once)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://h:80/x", "h:80"),
        ("HTTPS://h", "h"),
        ("http://u@h/x", "h"),
        ("http://u:p@h:1", "h:1"),
        ("/x", None),
        ("http:///x", None),
        ("*", None),
    ],
)
def test_absolute_uri_names_the_host(target: str, expected: str | None) -> None:
    assert authority(target) == expected


def test_query_is_no_part_of_what_a_path_is_judged_on() -> None:
    assert without_query("/a?b?c") == "/a"
    assert without_query("/a") == "/a"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a%2Fb", True),
        ("/a%2f", True),
        ("/%5c", True),
        ("/a/..;/b", True),
        ("/.;x", True),
        ("/a?%2F", False),
        ("/a?/..;", False),
        ("/a%252F", False),
        ("/a;..;/b", False),
        ("/...;", False),
    ],
)
def test_what_applications_read_in_two_ways_counts_in_the_path_only(
    target: str, expected: bool
) -> None:
    assert is_ambiguous(target) is expected
