"""Ways to write a request that is meant to be judged as another, and to tell them apart.

None tidies anything: what is written here is what goes out.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from smi.decision.request import Request

CUSTOM_METHODS = ("PURGE", "M-SEARCH", "BREW", "get", "X_Y", "PRI")
NO_METHODS = ("CONNECT", "G(T", "", "GE T", "G\x7f")
LENGTHS = (2_000, 16_000, 40_000, 60_000, 62_500, 70_000)
"""Of paths: Envoy takes a head of 60 KiB. Nearer to it, what a sidecar adds decides."""

PATHS: Mapping[str, tuple[str, ...]] = {
    "double slash": ("/{}", "//{}", "{}//", "{}//x", "/x//..{}"),
    "dot segment": ("/.{}", "/x/..{}", "/..{}", "{}/.", "{}/..", "{}/../x", "/x/./..{}", "{}/..."),
    "escaped dot": ("/%2e{}", "/x/%2e%2E{}", "{}/%2e%2e/x", "/x/.%2e{}", "{}/%2E"),
    "escaped slash": ("%2F{}", "{}%2f..%2fx", "/x%2f..{}", "{}%2F", "{}/%2e%2e%2fx"),
    "backslash": ("\\{}", "{}\\..\\x", "/x\\..{}", "{}%5c..%5Cx", "{}%5c", "/%5C..{}"),
    "double encoding": ("/%252e%252e{}", "{}%252f..%252fx", "{}/%25%32%65", "/%2%65{}", "{}%%32f"),
    "parameters": (
        "{};x=1",
        "/x/..;y{}",
        "{}/..;/x",
        "{}/.;x",
        "{}/%2e%2e;/x",
        "{}\\..;\\x",
        "/;x{}",
    ),
    "fragment": ("{}#", "{}#x", "/x#{}", "{}?q#x"),
    "query": ("{}?", "{}?x=/../y", "/x?{}", "{}??a//b", "/?/..{}", "{}?%2f\\"),
    "NUL": ("{}%00", "/%00{}", "{}\0", "{}\0x", "{}?%00"),
    "newline": ("{}%0a", "{}%0d%0ax: y", "/x%0A{}", "{}\r\nx: y", "{}\n"),
    "absolute form": (
        "http://HOST{}",
        "HTTP://HOST{}",
        "https://HOST{}",
        "http://elsewhere{}",
        "http://u@HOST{}",
        "ftp://HOST{}",
        "http://{}",
        "http://HOST?{}",
        "http:/{}",
    ),
}
"""What a path becomes; HOST is what the client would name as host."""

CLASSES: Mapping[str, Callable[[Request], object]] = {
    "double slash": lambda r: "//" in _path(r),
    "dot segment": lambda r: re.search(r"/\.\.?(/|$)", _path(r)),
    "escaped dot": lambda r: re.search("(?i)%2e", _path(r)),
    "escaped slash": lambda r: re.search("(?i)%2f", _path(r)),
    "backslash": lambda r: re.search(r"(?i)%5c|\\", _path(r)),
    "double encoding": lambda r: re.search("(?i)%25|%%|%2%", _path(r)),
    "parameters": lambda r: ";" in _path(r),
    "fragment": lambda r: "#" in r.path,
    "query": lambda r: "?" in r.path,
    "NUL": lambda r: "\0" in r.path or "%00" in r.path,
    "newline": lambda r: re.search(r"(?i)%0a|\n", r.path),
    "absolute form": lambda r: re.match("[A-Za-z]+:", r.path),
    "OPTIONS *": lambda r: (r.method, r.path) == ("OPTIONS", "*"),
    "very long path": lambda r: len(r.path) > 1_500,
    "other method": lambda r: r.method in CUSTOM_METHODS,
    "TRACE": lambda r: r.method == "TRACE",
    "CONNECT": lambda r: r.method == "CONNECT",
    "no method": lambda r: r.method in NO_METHODS,
    "mixed-case header": lambda r: any(n != n.lower() for n, _ in r.headers),
    "repeated header": lambda r: len({n.lower() for n, _ in r.headers}) < len(r.headers),
    "split cookie": lambda r: [n.lower() for n, _ in r.headers].count("cookie") > 1,
    "second host": lambda r: any(n.lower() == "host" for n, _ in r.headers),
    "pseudo-header": lambda r: any(n.startswith(":") for n, _ in r.headers),
    "no header": lambda r: any(n == "bad name" or "\0" in v for n, v in r.headers),
    "many headers": lambda r: len(r.headers) > 50,
}
"""Which requests are of a kind, however they came to be."""


def classes(request: Request) -> Iterator[str]:
    """The kinds that an HTTP request is of, most of none."""
    if request.is_http:
        yield from (name for name, is_of in CLASSES.items() if is_of(request))


def twisted(rng: random.Random, request: Request, host: str) -> Request:
    """`request`, which a client would send to `host`, written in another way or as no request."""
    what = rng.choice((*PATHS, *PATHS, "OPTIONS *", "long", "method", "method", *_HEADERS))
    if what in PATHS:
        path, mark, query = request.path.partition("?")
        written = rng.choice(PATHS[what]).replace("HOST", host)
        return replace(request, path=written.replace("{}", path) + mark + query)
    match what:
        case "OPTIONS *":
            return replace(request, method="OPTIONS", path=rng.choice(("*", "*", "**", "/*")))
        case "long":
            longer = request.path + rng.choice(("/", "?", "/..//")) + "a" * rng.choice(LENGTHS)
            return replace(request, path=longer)
        case "method":
            method = rng.choice((*CUSTOM_METHODS, *CUSTOM_METHODS, "TRACE", "CONNECT", *NO_METHODS))
            is_tunnel = method == "CONNECT" and rng.random() < 0.5
            return replace(request, method=method, path=host if is_tunnel else request.path)
        case _:
            return replace(request, headers=_HEADERS[what](rng, request))


Headers = tuple[tuple[str, str], ...]


def _mixed_case(rng: random.Random, request: Request) -> Headers:
    found = request.headers or (("x-user", "bob"),)
    return tuple(("".join(rng.choice((c.upper(), c)) for c in n), v) for n, v in found)


def _repeated(rng: random.Random, request: Request) -> Headers:
    found = request.headers or (("x-user", "alice"),)
    name, value = rng.choice(found)
    again = (name.swapcase(), rng.choice((value, "", "x", "bob")))
    return tuple(rng.sample((*found, again), len(found) + 1))


def _split_cookie(rng: random.Random, request: Request) -> Headers:
    crumbs = [("cookie", crumb) for crumb in ("type=insider", "a=1", "b=2")]
    return (*request.headers, *rng.sample(crumbs, rng.randint(2, 3)))


def _pseudo(rng: random.Random, request: Request) -> Headers:
    more = rng.choice(((":path", "/"), (":method", "GET"), (":authority", "api."), (":x", "y")))
    return (*request.headers, more)


def _second_host(rng: random.Random, request: Request) -> Headers:
    return (*request.headers, (rng.choice(("host", "Host")), rng.choice(("api.", "elsewhere"))))


def _bad(rng: random.Random, request: Request) -> Headers:
    return (*request.headers, rng.choice((("bad name", "x"), ("x-user", "al\0ice"))))


def _many(rng: random.Random, request: Request) -> Headers:
    # Nearer to a hundred, what a sidecar adds decides.
    count = rng.choice((60, 80, 110)) - len(request.headers)
    return (*request.headers, *((f"x-more-{n}", "1") for n in range(count)))


_HEADERS: Mapping[str, Callable[[random.Random, Request], Headers]] = {
    "mixed case": _mixed_case,
    "repeated": _repeated,
    "split cookie": _split_cookie,
    "pseudo": _pseudo,
    "bad": _bad,
    "many": _many,
    "second host": _second_host,
}


def _path(request: Request) -> str:
    """The path in a request target; that of an absolute URI, if it has one."""
    target = request.path.partition("?")[0]
    return re.sub("^[A-Za-z]+://[^/]*", "", target)
