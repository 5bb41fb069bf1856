"""Ways to say more, or something else, over HTTP/2 than what is judged: a table of raw frames."""

import struct
from collections.abc import Iterator

from tests.integration.envoy import frames
from tests.integration.envoy.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    MORE,
    PADDED,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW,
    WITH_PRIORITY,
    Pairs,
    data,
    frame,
    headers,
    opening,
)

HIDDEN = b"GET /secret HTTP/1.1\r\nhost: web.shop\r\n\r\n"
Pair = tuple[bytes | str, bytes | str]

METHOD, SCHEME, PATH, HOST = (
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/api"),
    (":authority", "web.shop"),
)
BASE: tuple[Pair, ...] = (METHOD, SCHEME, PATH, HOST)
FORM: tuple[Pair, ...] = (
    (":method", "POST"),
    SCHEME,
    (":path", "/form"),
    HOST,
    ("x-tenant", "blue"),
)


def cases() -> Iterator[tuple[str, bytes]]:
    """Every case by name: a whole connection, which ends with a PING."""
    for table in (PSEUDO, TEXTS, NAMES, LENGTHS, TRAILERS, STREAMS):
        for name, said in table.items():
            yield name, opening() + said + frame(PING, b"finished")
    yield from OPENINGS.items()


def but(name: str, value: bytes | str) -> tuple[Pair, ...]:
    """A request with another pseudo-header."""
    return tuple((key, value if key == name else old) for key, old in BASE)


def without(name: str) -> tuple[Pair, ...]:
    """A request that lacks a pseudo-header."""
    return tuple(pair for pair in BASE if pair[0] != name)


def unended(pairs: Pairs) -> bytes:
    """The head of a request that has a body."""
    return headers(pairs, flags=END_HEADERS)


PSEUDO = {
    "plain": headers(BASE),
    "reversed": headers(BASE[::-1]),
    "pseudo-header after a header": headers([*BASE[:3], ("x", "y"), HOST]),
    "path after a header": headers([METHOD, SCHEME, HOST, ("x", "y"), PATH]),
    **{f"without {n!r}": headers(without(str(n))) for n, _ in BASE},
    **{f"{pair} again": headers([*BASE, pair]) for pair in BASE},
    **{
        f"{pair} too": headers([*BASE, pair])
        for pair in (
            (":path", "/secret"),
            (":method", "DELETE"),
            (":authority", "vault.shop"),
            (":scheme", "https"),
            (":status", "200"),
            (":protocol", "websocket"),
            (":unknown", "x"),
            (":", "x"),
            ("host", "vault.shop"),
            ("host", "web.shop"),
        )
    },
    "another path first": headers([(":path", "/secret"), *BASE]),
    "host for authority": headers([*without(":authority"), ("host", "vault.shop")]),
    "two hosts for authority": headers([*BASE[:3], ("host", "web.shop"), ("host", "vault.shop")]),
    "CONNECT": headers([(":method", "CONNECT"), HOST]),
    "CONNECT with a path": headers([*but(":method", "CONNECT")]),
    **{
        f"extended CONNECT of {name}": unended([*but(":method", "CONNECT"), (":protocol", name)])
        + data(HIDDEN)
        for name in ("websocket", "connect-udp", "connect-ip", "bytestream", "")
    },
}

TEXTS = {
    f"{name} {value!r}": headers(but(name, value))
    for name, values in {
        ":path": (
            b"",
            b"*",
            b"api",
            b"/",
            b"/secret",
            b"/api#/secret",
            b"/secret#/api",
            b"/secret?/api",
            b"/api?/secret",
            b"/api /secret",
            b"/api\x00",
            b"/api\x00/../secret",
            b"/api\t",
            b"/api\x7f",
            b"/api\xff",
            b"/api/../secret",
            b"/api/%2e%2e/secret",
            b"/api/..%2fsecret",
            b"\\secret",
            b"//secret",
            b"http://web.shop/api",
            b"http://web.shop/secret",
            b"/api HTTP/1.1\r\nhost: web.shop\r\n\r\nGET /secret",
            b"/api\r\nx: y",
            b"/api\n",
            b"/" + b"a" * 15_000,
        ),
        ":method": (
            b"",
            b"get",
            b"DELETE",
            b"HEAD",
            b"GE T",
            b"GET\x00",
            b"GET\n",
            b"GET /secret HTTP/1.1\r\nx: y\r\n\r\nGET",
            b"PRI",
            b"X" * 5000,
        ),
        ":scheme": (b"", b"https", b"ftp", b"http\r\n", b"http://web.shop/secret?", b"\x00"),
        ":authority": (
            b"",
            b"vault.shop",
            b"web.shop@vault.shop",
            b"web.shop/secret",
            b"web.shop\x00",
            b"web.shop\r\nx: y",
            b"web.shop, vault.shop",
            b"[::1",
        ),
    }.items()
    for value in values
}

NAMES = {
    f"header {name!r} {value[:40]!r}": headers([*BASE, (name, value)])
    for name, value in (
        (b"X-Upper", b"y"),
        (b"Transfer-Encoding", b"chunked"),
        (b"", b"y"),
        (b"x y", b"z"),
        (b"x:", b"y"),
        (b"x\x00", b"y"),
        (b"x\r\ny", b"z"),
        (b"x: y\r\n\r\nGET /secret HTTP/1.1\r\nx", b"y"),
        (b"x\xe9", b"y"),
        (b"x", b"a\x00b"),
        (b"x", b"a\r\ny: z"),
        (b"x", b"y\r\n\r\n" + HIDDEN),
        (b"x", b"a\nb"),
        (b"x", b"a\rb"),
        (b"x", b" y "),
        (b"x", b"\x7f"),
        (b"x", b"y" * 15_000),
        (b"connection", b"close"),
        (b"connection", b"x-tenant"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"keep-alive"),
        (b"transfer-encoding", b"chunked"),
        (b"transfer-encoding", b"identity"),
        (b"upgrade", b"websocket"),
        (b"upgrade", b"h2c"),
        (b"te", b"gzip"),
        (b"te", b"trailers"),
        (b"http2-settings", b"AAMAAABk"),
        (b"expect", b"100-continue"),
        (b"cookie", b"a=b\x00"),
    )
} | {
    f"override {name}": headers([*but(":path", "/secret"), (name, value)])
    for name, value in (
        ("x-http-method-override", "GET"),
        ("x-original-url", "/api"),
        ("x-rewrite-url", "/api"),
        ("x-envoy-original-path", "/api"),
        ("x-envoy-decorator-operation", "/api"),
        ("x-forwarded-host", "web.shop"),
        ("x-forwarded-uri", "/api"),
        ("forwarded", "host=web.shop;proto=http"),
    )
}

LENGTHS = {
    f"length {length!r} of {len(body)}": unended([*FORM, ("content-length", length)]) + data(body)
    for length, body in (
        ("4", b"body"),
        ("0", HIDDEN),
        ("4", HIDDEN),
        ("400", HIDDEN),
        ("+4", b"body"),
        ("-1", HIDDEN),
        ("4, 4", b"body"),
        ("", b"body"),
        ("0x4", b"body"),
        ("18446744073709551620", b"body"),
    )
} | {
    "two lengths": unended([*FORM, ("content-length", "4"), ("content-length", "60")])
    + data(b"body"),
    "length without a body": headers([*FORM, ("content-length", "4")]),
    "body of a GET": unended(BASE) + data(HIDDEN),
    "chunks inside": unended([*FORM, ("transfer-encoding", "chunked")])
    + data(b"0\r\n\r\n" + HIDDEN),
    "answered before its body": unended(but(":path", "/api/early")) + data(HIDDEN),
    "padded": unended(FORM) + frame(DATA, b"\x04body" + b"\x00" * 4, END_STREAM | PADDED, 1),
    "padding that is not zero": unended(FORM)
    + frame(DATA, b"\x28body" + HIDDEN[:40], END_STREAM | PADDED, 1),
    "more padding than frame": unended(FORM) + frame(DATA, b"\xffbody", END_STREAM | PADDED, 1),
}

TRAILERS = {
    f"trailer {pairs}": unended(FORM) + data(b"body", ends=False) + headers(pairs)
    for pairs in (
        [("x", "y")],
        [("x-tenant", "red")],
        [("x-http-method-override", "DELETE")],
        [("host", "vault.shop")],
        [("content-length", "60")],
        [("transfer-encoding", "chunked")],
        [(":path", "/secret")],
        [(":method", "DELETE")],
        [("x", "a\x00b")],
        [("x", "a\r\n\r\nGET /secret HTTP/1.1")],
        [],
    )
} | {
    "trailers that do not end": unended(FORM) + unended([("x", "y")]) + data(HIDDEN),
    "what a trailer alone would grant": unended(FORM[:-1])
    + data(b"", ends=False)
    + headers([("x-tenant", "blue")]),
}

DENIED = but(":path", "/secret")
STREAMS = {
    "allowed and denied": b"".join(
        headers(BASE if stream % 4 == 1 else DENIED, stream=stream) for stream in range(1, 40, 2)
    ),
    "even stream": headers(BASE, stream=2),
    "stream of the connection": headers(BASE, stream=0),
    "stream with the reserved bit": headers(BASE, stream=0x80000001),
    "descending streams": headers(BASE, stream=5) + headers(BASE, stream=3),
    "stream that has ended": headers(BASE) + headers(DENIED) + data(HIDDEN),
    "data before the head": data(HIDDEN) + headers(BASE),
    "data of the connection": data(HIDDEN, stream=0) + headers(BASE),
    "head in pieces": frame(HEADERS, frames.block(BASE)[:20], END_STREAM, 1)
    + frame(MORE, frames.block(BASE)[20:], END_HEADERS, 1),
    "head in pieces, with another between": frame(HEADERS, frames.block(BASE)[:20], END_STREAM, 1)
    + headers(DENIED, stream=3)
    + frame(MORE, frames.block(BASE)[20:], END_HEADERS, 1),
    "head in pieces of two streams": frame(HEADERS, frames.block(BASE)[:20], END_STREAM, 1)
    + frame(MORE, frames.block(DENIED)[20:], END_HEADERS, 3),
    "piece of no head": frame(MORE, frames.block(BASE), END_HEADERS, 1),
    "pushed": frame(PUSH_PROMISE, b"\0\0\0\2" + frames.block(BASE), END_HEADERS, 1),
    "depends on itself": frame(
        HEADERS,
        b"\0\0\0\1\x10" + frames.block(BASE),
        END_HEADERS | END_STREAM | WITH_PRIORITY,
        1,
    ),
    "priority of the connection": frame(PRIORITY, b"\0\0\0\1\x10") + headers(BASE),
    "reset of what is not there": frame(RST_STREAM, b"\0\0\0\1", stream=1) + headers(BASE),
    "settings of odd size": frame(SETTINGS, b"\0\1") + headers(BASE),
    "settings that push": frame(SETTINGS, struct.pack(">HI", 2, 2)) + headers(BASE),
    "settings with a tiny frame": frame(SETTINGS, struct.pack(">HI", 5, 1)) + headers(BASE),
    "settings with a huge window": frame(SETTINGS, struct.pack(">HI", 4, 2**31)) + headers(BASE),
    "settings that connect": frame(SETTINGS, struct.pack(">HI", 8, 1)) + headers(BASE),
    "window of nothing": frame(WINDOW, b"\0\0\0\0") + headers(BASE),
    "window that overflows": frame(WINDOW, b"\x7f\xff\xff\xff") * 2 + headers(BASE),
    "ping of odd size": frame(PING, b"x") + headers(BASE),
    "farewell before a request": frame(GOAWAY, b"\0" * 8) + headers(BASE),
    "unknown kind": frame(0xBE, HIDDEN, 0xFF, 1) + headers(BASE),
    "frame that is too large": frame(DATA, b"x" * 20_000, 0, 1) + headers(BASE),
    "table that is too large": frame(HEADERS, b"\x3f\xe1\xff\xff\xff\x0f", 5, 1) + headers(BASE),
    "entry that is not there": frame(HEADERS, b"\xff\xff\xff\x7f", 5, 1) + headers(BASE),
    "broken letters": frame(HEADERS, b"\x00\x81\xff\x81\xff", 5, 1) + headers(BASE),
    "head of a megabyte": frame(HEADERS, frames.block(BASE), END_STREAM, 1)
    + frame(MORE, frames.block([("x", "y" * 16_000)]), 0, 1) * 64
    + frame(MORE, b"", END_HEADERS, 1),
    "head of many": headers([*BASE, *((f"x{n}", "y") for n in range(1500))]),
}

OPENINGS = {
    "HTTP/1 in an HTTP/2 connection": opening() + HIDDEN,
    "broken preface": frames.PREFACE[:-4] + b"XX\r\n" + frame(SETTINGS) + headers(BASE),
    "preface twice": opening() + opening() + headers(BASE),
    "HTTP/1 first": b"GET /api HTTP/1.1\r\nhost: web.shop\r\n\r\n" + opening() + headers(BASE),
    "request before settings": frames.PREFACE + headers(BASE) + frame(SETTINGS),
}
