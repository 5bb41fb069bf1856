"""Heads that Envoy 1.40 refuses; every row was seen to be refused or served by one."""

import pytest

from smi.decision.judge import judge
from smi.decision.reception import refusal
from smi.decision.request import Caller, Protocol, Request
from tests import builders as a

Headers = tuple[tuple[str, str], ...]


def many(count: int) -> Headers:
    return tuple((f"x-{number}", "1") for number in range(count))


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize(
    "method", ["GET", "TRACE", "PURGE", "M-SEARCH", "get", "PRI", "G!#$%&'*|~"]
)
def test_any_token_is_a_method(method: str, http2: bool) -> None:
    assert refusal(method, "/", (), http2=http2) is None


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("method", ["", "CONNECT", "G(T", "G@T", "GE T", "GET\0", "G\x7f", "Gé"])
def test_tunnel_or_what_is_no_token_is_refused(method: str, http2: bool) -> None:
    assert refusal(method, "/", (), http2=http2) is not None


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize(
    ("name", "value", "is_served"),
    [
        ("x_a", "1", True),
        ("x.a", "", True),
        ("X-A", "a\tb", True),
        ("x-a", "é", True),
        ("te", "trailers", True),
        ("x a", "1", False),
        ("x(a", "1", False),
        ("xé", "1", False),
        ("", "1", False),
        (":path", "/x", False),
        ("x-a", "\0", False),
        ("x-a", "a\nb", False),
        ("x-a", "\x7f", False),
    ],
)
def test_header_has_a_token_for_name_and_no_control_in_its_value(
    name: str, value: str, is_served: bool, http2: bool
) -> None:
    assert (refusal("GET", "/", ((name, value),), http2=http2) is None) is is_served


@pytest.mark.parametrize(
    ("name", "value"), [("Connection", "close"), ("upgrade", "websocket"), ("TE", "gzip")]
)
def test_headers_of_a_connection_are_of_http_1_only(name: str, value: str) -> None:
    assert refusal("GET", "/", ((name, value),), http2=False) is None
    assert refusal("GET", "/", ((name, value),), http2=True) is not None


@pytest.mark.parametrize(
    ("path", "headers", "http2", "is_served"),
    [
        ("/" + "a" * 60_000, (), False, True),
        ("/" + "a" * 62_000, (), False, False),
        ("/?" + "a" * 62_000, (), True, False),
        ("/", (("x-a", "v" * 30_000), ("x-b", "v" * 29_000)), True, True),
        ("/", (("x-a", "v" * 30_000), ("x-b", "v" * 32_000)), True, False),
        ("/", many(95), True, True),
        ("/", many(99), False, True),
        ("/", many(99), True, False),
        ("/", many(100), False, False),
    ],
)
def test_head_has_a_limit(path: str, headers: Headers, http2: bool, is_served: bool) -> None:
    assert (refusal("GET", path, headers, http2=http2) is None) is is_served


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request("a/b", "a/b:80", method="OPTIONS", path="*"), "'*' is no path: answered with 404"),
        (Request("a/b", "a/b:80", path="x"), "'x' is no path: answered with 400"),
        (Request("a/b", "a/b:80", method="CONNECT", path="a:80"), "CONNECT asks for a tunnel"),
        (Request("a/b", "a/b:80", Protocol.H2, headers=(("te", "x"),)), "HTTP/2 has no header"),
    ],
)
def test_what_is_no_request_is_refused_whatever_the_policy(request_: Request, said: str) -> None:
    inbound = a.inbound(a.group("web"), a.rule("web", "front"))
    judged = judge(inbound, 8080, Caller(None, None), request_, a.name("web"))
    assert judged.reason == "BadRequest"
    assert judged.message.startswith(said)
