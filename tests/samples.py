"""What generated meshes are written with, and what satisfies it or nearly does."""

from typing import NamedTuple

Headers = tuple[tuple[str, str], ...]


class PathSample(NamedTuple):
    """A pathRegex as written, request targets that satisfy it, and some that do not."""

    regex: str | None
    satisfying: tuple[str, ...]
    missing: tuple[str, ...] = ()


class HeaderSample(NamedTuple):
    """Headers as written, and requests' headers that satisfy them and that do not."""

    regexes: Headers
    satisfying: tuple[Headers, ...] = ((),)
    missing: tuple[Headers, ...] = ()


ANY_PATH = ("/", "/anything?x=/api", "/a//b/./c", "/a/%7Eb", "/a\\b", "/?", "/%zz")

PATHS = (
    PathSample(None, ANY_PATH),
    PathSample("", ANY_PATH),
    PathSample(".*", (*ANY_PATH, "http://elsewhere/x/../api?q")),
    PathSample(
        "/api",
        ("/api", "/apis", "/api/v1?x=1", "/x/../api", "//api//", "/%61pi", "/./api/%2e%2E/api"),
        ("/x/api", "/ap", "/?/api", "/api/..", "/API", "/api/%2e%2e/x", "/%2fapi", "/x?=/../api"),
    ),
    PathSample("/api/.*", ("/api/", "/api/v1", "/api//x"), ("/api", "/api/../x", "/api?/")),
    PathSample(
        "/items/[0-9]+$",
        ("/items/12", "/items//7", "/items/x/../7?q=a", "/items/%37"),
        ("/items/", "/items/7/x", "/items/a", "/items/7%3Fx", "/items/7%0A"),
    ),
    PathSample("(?i)/Case", ("/case/x", "/CASE"), ("/cas", "/x/case")),
    PathSample("/a|/b", ("/a", "/bc", "/c/../b"), ("/c", "/c/a")),
    PathSample("^/root$", ("/root", "/root?x"), ("/root/", "/x/root", "/%2e/roo")),
    PathSample("/files/.*\\.txt", ("/files/a/b.txt", "/files/x.txt.bak"), ("/files/atxt",)),
    PathSample("/a%2Fb", (), ("/a%2Fb", "/a%2fb", "/a/b", "/a%5Cb")),
    PathSample("/anything", ("/anything?x=/api", "/anything/else"), ("/any", "/x/anything")),
    PathSample("/broken(", (), ("/broken(", "/broken")),
    PathSample("/a)(b", (), ("/ab", "/a)(b")),
)

METHODS = (
    ("GET",),
    ("GET", "HEAD"),
    ("POST", "PUT"),
    ("DELETE", "PATCH", "OPTIONS"),
    ("CONNECT", "TRACE"),
    ("*",),
    ("GET", "*"),
    (),
)
SENT_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PURGE")

_INSIDER = "^(.*?;)?\\s*(type=insider)(;.*)?$"
HEADERS = (
    HeaderSample(()),
    HeaderSample(
        (("x-user", "alice|bob"),),
        ((("X-User", "alice"),), (("x-other", "1"), ("x-USER", " bob ")), (("x-user", "bob"),)),
        ((), (("x-user", "alicebob"),), (("x-user", "alice"), ("x-user", "bob"))),
    ),
    HeaderSample(
        (("X-Tag", "a,b"),),
        ((("x-tag", "a"), ("X-TAG", "b")), (("x-tag", "a,b"),)),
        ((("x-tag", "b"), ("x-tag", "a")), (("x-tag", "a"),)),
    ),
    HeaderSample(
        (("cookie", _INSIDER),),
        (
            (("cookie", "type=insider"),),
            (("Cookie", "a=1; type=insider; b=2"),),
        ),
        (
            (("cookie", "type=insiders"),),
            (("cookie", "a=1"), ("cookie", "type=insider")),  # over HTTP/2 it satisfies
        ),
    ),
    HeaderSample(
        (("user-agent", ".*iPhone.*"), ("x-user", ".+")),
        ((("User-Agent", "an iPhone 4"), ("x-user", "c")),),
        ((("user-agent", "an iPhone 4"),), (("user-agent", "curl"), ("x-user", "c"))),
    ),
    HeaderSample((("x-user", "[a-z]+"), ("x-user", ".{3}")), ((("x-user", "bob"),),), ()),
    HeaderSample(
        (("Host", "api\\..*"),),
        ((("host", "api.example"),), (("host", "api."),)),
        ((), (("host", "xapi.example"),)),
    ),
    HeaderSample((("bad name", ".*"),), (), ((("x-user", "bob"),),)),
)
