"""Ways to say more, or something else, over HTTP/1 than what is judged: a table of raw bytes.

`HIDDEN` is a whole request that nobody may send; who reads it as one has had it smuggled in.
"""

from collections.abc import Iterator

HIDDEN = b"GET /secret HTTP/1.1\r\nhost: web.shop\r\n\r\n"
LINE = b"GET /api HTTP/1.1\r\n"
HOST = b"host: web.shop\r\n"
FIRST = LINE + HOST
FORM = b"POST /form HTTP/1.1\r\nhost: web.shop\r\nx-tenant: blue\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
SIZE = len(HIDDEN) + 30
UPGRADE = (
    b"connection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: YQ==\r\nupgrade: "
)


def length(number: int | bytes = SIZE) -> bytes:
    """A Content-Length, of more than the hidden request where none is said."""
    text = str(number).encode() if isinstance(number, int) else number
    return b"content-length: " + text + b"\r\n"


def cases() -> Iterator[tuple[str, bytes]]:
    """Every case by name."""
    for table in (FRAMING, CODINGS, CHUNKS, SHAPES, TARGETS, UPGRADES, OVERRIDES, UNFINISHED):
        yield from table.items()


FRAMING = {
    "pipelined": FIRST + b"\r\n" + HIDDEN + FIRST + b"\r\n",
    "hidden in a body": FIRST + length(len(HIDDEN)) + b"\r\n" + HIDDEN,
    "hidden in a granted body": FORM + length(len(HIDDEN)) + b"\r\n" + HIDDEN + HIDDEN,
    "length, then chunks": FIRST + length() + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN,
    "chunks, then length": FIRST + CHUNKED + length(4) + b"\r\n0\r\n\r\n" + HIDDEN,
    "length of none, and chunks": FORM
    + length(0)
    + CHUNKED
    + b"\r\n5\r\nGET /\r\n0\r\n\r\n"
    + HIDDEN,
    "two lengths": FIRST + length(0) + length() + b"\r\n" + HIDDEN,
    "two lengths, other order": FIRST + length() + length(0) + b"\r\n" + HIDDEN,
    "two equal lengths": FORM + length(4) + length(4) + b"\r\nbody" + HIDDEN,
    "list of lengths": FIRST + length(b"0, 60") + b"\r\n" + HIDDEN,
    "list of equal lengths": FORM + length(b"4, 4") + b"\r\nbody" + HIDDEN,
    "length with a plus": FORM + length(b"+4") + b"\r\nbody" + HIDDEN,
    "length with a minus": FORM + length(b"-1") + b"\r\n" + HIDDEN,
    "length with spaces inside": FORM + length(b"4 4") + b"\r\nbody" + HIDDEN,
    "length with spaces around": FORM + length(b"  4\t ") + b"\r\nbody" + HIDDEN,
    "length in hex": FORM + length(b"0x4") + b"\r\nbody" + HIDDEN,
    "length in octal": FORM + length(b"010") + b"\r\n01234567" + HIDDEN,
    "length with an underscore": FORM + length(b"1_0") + b"\r\nbody" + HIDDEN,
    "length with a fraction": FORM + length(b"4.0") + b"\r\nbody" + HIDDEN,
    "length with an exponent": FORM + length(b"4e0") + b"\r\nbody" + HIDDEN,
    "length that overflows": FORM + length(2**64 + 4) + b"\r\nbody" + HIDDEN,
    "empty length": FORM + length(b"") + b"\r\n" + HIDDEN,
    "length in quotes": FORM + length(b'"4"') + b"\r\nbody" + HIDDEN,
    "length after a null": FORM + length(b"\x004") + b"\r\nbody" + HIDDEN,
    "length in letters of another script": FORM + length(b"\xd9\xa4") + b"\r\nbody" + HIDDEN,
    "answered before its body": FIRST.replace(b"/api", b"/api/early") + length() + b"\r\n" + HIDDEN,
    "answered before its chunks": FIRST.replace(b"/api", b"/api/early")
    + CHUNKED
    + b"\r\n"
    + HIDDEN,
    "GET with a body, and one after it": FIRST + length(4) + b"\r\nbody" + HIDDEN,
}

CODINGS = {
    f"coding {coding!r}": FIRST + coding + b"\r\n" + length(3) + b"\r\n0\r\n\r\n" + HIDDEN
    for coding in (
        b"transfer-encoding: xchunked",
        b"transfer-encoding: chunked, identity",
        b"transfer-encoding: identity, chunked",
        b"transfer-encoding: chunked, chunked",
        b"transfer-encoding: gzip, chunked",
        b"transfer-encoding: chunked;q=1",
        b"transfer-encoding: chunkedx",
        b'transfer-encoding: "chunked"',
        b"transfer-encoding:\x0bchunked",
        b"transfer-encoding: chunked\x00",
        b"transfer-encoding:\tchunked",
        b"transfer-encoding: CHUNKED",
        b"transfer-encoding : chunked",
        b"transfer-encoding\t: chunked",
        b" transfer-encoding: chunked",
        b"\ttransfer-encoding: chunked",
        b"transfer-encoding:\r\n chunked",
        b"transfer-encoding: chu\r\n nked",
        b"transfer-encoding: identity\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity",
        b"transfer-encoding: ",
        b"transfer_encoding: chunked",
        b"transfer-encoding\x00: chunked",
        b"transfer\xadencoding: chunked",
        b"x: y\rtransfer-encoding: chunked",
        b"x: y\ntransfer-encoding: chunked",
        b"x: y\n\ntransfer-encoding: chunked",
        b"x\r: y\r\ntransfer-encoding: chunked",
        b"connection: transfer-encoding\r\ntransfer-encoding: chunked",
        b"connection: content-length",
        b"connection: close, host",
    )
}

CHUNKS = {
    f"chunks {chunks!r}": FORM + CHUNKED + b"\r\n" + chunks + HIDDEN
    for chunks in (
        b"4\r\nbody\r\n0\r\n\r\n",
        b"4;a=b\r\nbody\r\n0;c\r\n\r\n",
        b'4;a="\r\n"\r\nbody\r\n0\r\n\r\n',
        b"4;\nbody\r\n0\r\n\r\n",
        b"4 \r\nbody\r\n0\r\n\r\n",
        b" 4\r\nbody\r\n0\r\n\r\n",
        b"0x4\r\nbody\r\n0\r\n\r\n",
        b"+4\r\nbody\r\n0\r\n\r\n",
        b"-4\r\nbody\r\n0\r\n\r\n",
        b"4_0\r\nbody\r\n0\r\n\r\n",
        b"04\r\nbody\r\n000\r\n\r\n",
        b"10000000000000004\r\nbody\r\n0\r\n\r\n",
        b"4\nbody\n0\n\n",
        b"4\r\nbody0\r\n\r\n",
        b"4\r\nbodyXX0\r\n\r\n",
        b"4\r\nbod\r\n0\r\n\r\n",
        b"4\rbody\r0\r\r",
        b"\r\n4\r\nbody\r\n0\r\n\r\n",
        b"g\r\nbody\r\n0\r\n\r\n",
        b"4\r\nbody\r\n0\r\n: \r\n\r\n",
        b"4\r\nbody\r\n0\r\nx-tenant: red\r\nhost: vault.shop\r\n\r\n",
        b"4\r\nbody\r\n0\r\ncontent-length: 60\r\ntransfer-encoding: chunked\r\n\r\n",
        b"4\r\nbody\r\n0\r\nx-http-method-override: DELETE\r\n:path: /secret\r\n\r\n",
        b"4\r\nbody\r\n0\r\nx: a\x00b\r\n\r\n",
        b"4\r\nbody\r\n0\r\n\n",
    )
} | {
    "trailers that were announced": FORM
    + CHUNKED
    + b"te: trailers\r\ntrailer: x-tenant, host\r\n\r\n0\r\nx-tenant: red\r\nhost: a\r\n\r\n"
    + HIDDEN,
    "what a trailer alone would grant": FORM.replace(
        b"x-tenant: blue\r\n", b"trailer: x-tenant\r\n"
    )
    + CHUNKED
    + b"\r\n0\r\nx-tenant: blue\r\n\r\n",
}

SHAPES = {
    f"shape {head!r}": head + b"\r\n" + HIDDEN
    for head in (
        b"\r\n" + FIRST,
        b"\r\n\r\n\r\n" + FIRST,
        b"\n" + FIRST,
        b" " + FIRST,
        b"\x00" + FIRST,
        FIRST + b" folded: x\r\n",
        FIRST + b"x: y\r\n z: w\r\n",
        FIRST + b"x: y\r\n\r\n",
        FIRST + b"x : y\r\n",
        FIRST + b": y\r\n",
        FIRST + b"x\r\n",
        FIRST + b"x y: z\r\n",
        FIRST + b"x: a\x00b\r\n",
        FIRST + b"x\x00: y\r\n",
        FIRST + b"x: a\rb: c\r\n",
        FIRST + b"x: a\r\r\n",
        FIRST + b"x: \x7f\x1b\r\n",
        FIRST + b"x(): y\r\n",
        FIRST + b"\xe9: y\r\n",
        FIRST + b"x: \xff\xfe\r\n",
        FIRST.replace(b"\r\n", b"\n"),
        LINE + b"host: web.shop\n",
        FIRST.replace(b"\r\n", b"\r"),
        FIRST.replace(b" ", b"\t", 1),
        FIRST.replace(b" ", b"  ", 1),
        FIRST.replace(b" HTTP", b"\x0bHTTP"),
        FIRST.replace(b" HTTP", b"  HTTP"),
        FIRST.replace(b"HTTP/1.1", b"HTTP/1.1 "),
        FIRST.replace(b"HTTP/1.1", b"HTTP/1.1\x00"),
        FIRST.replace(b"HTTP/1.1", b"HTTP/1.0"),
        FIRST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"connection: keep-alive\r\n",
        FIRST.replace(b"HTTP/1.1", b"HTTP/1.0") + CHUNKED,
        FIRST.replace(b"HTTP/1.1", b"HTTP/0.9"),
        FIRST.replace(b"HTTP/1.1", b"HTTP/2.0"),
        FIRST.replace(b"HTTP/1.1", b"HTTP/1.2"),
        FIRST.replace(b"HTTP/1.1", b"HTTP/1.10"),
        FIRST.replace(b"HTTP/1.1", b"HTTP/11"),
        FIRST.replace(b"HTTP/1.1", b"http/1.1"),
        FIRST.replace(b"HTTP/1.1", b"HTP/1.1"),
        FIRST.replace(b"GET", b"GET\x00"),
        FIRST.replace(b"GET", b"get"),
        FIRST.replace(b"GET", b"GE T"),
        FIRST.replace(b"GET", b"G\xc3\x89T"),
        FIRST.replace(b"GET", b""),
        FIRST.replace(b"GET", b"X" * 5000),
        b"GET /api\r\n",
        b"GET /secret\r\n",
        b"GET\r\n",
        b"HTTP/1.1 200 OK\r\n" + FIRST,
        LINE,
        LINE + HOST + HOST,
        LINE + HOST + b"host: vault.shop\r\n",
        LINE + b"host: vault.shop\r\n" + HOST,
        LINE + b"host: web.shop, vault.shop\r\n",
        LINE + b"host: \r\n",
        LINE + b"host: web.shop\x00.vault.shop\r\n",
        LINE + b"host: web.shop/secret\r\n",
        LINE + b"host: web.shop:99999\r\n",
        LINE + b"host: user@web.shop\r\n",
        LINE + b"host : web.shop\r\n",
        LINE + b" host: vault.shop\r\n" + HOST,
        FIRST + b"x: " + b"y" * 59_000 + b"\r\n",
        FIRST + b"x: " + b"y" * 200_000 + b"\r\n",
        FIRST + b"y" * 200_000 + b": x\r\n",
        FIRST + b"".join(b"x%d: y\r\n" % n for n in range(99)),
        FIRST + b"".join(b"x%d: y\r\n" % n for n in range(3000)),
        FIRST + b"expect: 100-continue\r\n",
        FORM + b"expect: 100-continue\r\n" + length(0),
        FORM + b"expect: 200-ok\r\n" + length(0),
        FIRST + b"expect: 100-continue\r\n" + CHUNKED,
        FIRST + b"max-forwards: 0\r\n",
    )
}

TARGETS = {
    f"target {line!r}": line + b" HTTP/1.1\r\nhost: web.shop\r\n\r\n" + HIDDEN
    for line in (
        b"GET http://web.shop/api",
        b"GET http://web.shop/secret",
        b"GET http://vault.shop/api",
        b"GET http://vault.shop@web.shop/api",
        b"GET http://web.shop@vault.shop/api",
        b"GET https://web.shop/api",
        b"GET ftp://web.shop/api",
        b"GET http:/api",
        b"GET http://",
        b"GET //vault.shop/api",
        b"GET web.shop/api",
        b"GET api",
        b"GET ?/api",
        b"GET *",
        b"OPTIONS *",
        b"OPTIONS /api",
        b"GET /api#/secret",
        b"GET /secret#/api",
        b"GET /api?/../secret",
        b"GET /api/../secret",
        b"GET /api/%2e%2e/secret",
        b"GET /api/..%2fsecret",
        b"GET /api/..;/secret",
        b"GET /api\\..\\secret",
        b"GET /api/%2e%2e%2fsecret",
        b"GET /api/%252e%252e/secret",
        b"GET /api/%c0%ae%c0%ae/secret",
        b"GET /api%00/../../secret",
        b"GET /secret/../api",
        b"GET //api",
        b"GET /./api",
        b"GET /%61pi",
        b"GET /API",
        b"GET /api\x00",
        b"GET /api\xc3\xa9",
        b"GET /api %2fsecret",
        b"GET /api\tsecret",
        b"GET /" + b"a" * 70_000,
        b"CONNECT web.shop:80",
        b"CONNECT web.shop",
        b"CONNECT 127.0.0.1:8080",
        b"CONNECT /api",
        b"CONNECT /api",
        b"CONNECT *",
        b"TRACE /api",
        b"PRI *",
        b"HEAD /api",
    )
}

UPGRADES = {
    f"upgrade {head!r}": head + b"\r\n" + HIDDEN
    for head in (
        *(FIRST + UPGRADE + name + b"\r\n" for name in (b"websocket", b"WebSocket", b"h2c", b"x")),
        FIRST + UPGRADE + b"websocket\r\n" + CHUNKED,
        FIRST + UPGRADE + b"websocket, h2c\r\n",
        FIRST + UPGRADE + b"h2c\r\nupgrade: websocket\r\n",
        FIRST + UPGRADE + b"TLS/1.3\r\n",
        FIRST + UPGRADE + b"connect-udp\r\n",
        FIRST + UPGRADE + b"CONNECT\r\n",
        FIRST + b"upgrade: websocket\r\n",
        FIRST.replace(b"HTTP/1.1", b"HTTP/1.0") + UPGRADE + b"websocket\r\n",
        FIRST.replace(b"/api", b"/secret") + UPGRADE + b"websocket\r\n",
        FIRST.replace(b"/api", b"/secret/socket") + UPGRADE + b"websocket\r\n",
        FORM + UPGRADE + b"websocket\r\n",
        FIRST
        + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
    )
} | {
    "upgrade to HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "upgrade to HTTP/2 in the midst": FIRST + b"\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}

OVERRIDES = {
    f"override {header!r}": b"GET /secret HTTP/1.1\r\n" + HOST + header + b"\r\n\r\n"
    for header in (
        b":path: /api",
        b":method: GET",
        b":authority: web.shop",
        b"x-http-method: GET",
        b"x-method-override: GET",
        b"x-original-path: /api",
        b"x-original-uri: /api",
        b"x-forwarded-uri: /api",
        b"x-forwarded-prefix: /api",
        b"x-forwarded-path: /api",
        b"x-forwarded-host: web.shop",
        b"x-envoy-original-path: /api",
        b"x-envoy-original-url: /api",
        b"x-envoy-decorator-operation: web.shop:80/api",
        b"x-envoy-force-trace: true",
        b"x-envoy-ip-tags: a",
        b"x-envoy-downstream-service-cluster: front",
        b"x-envoy-upstream-rq-timeout-ms: 1",
        b"x-envoy-internal: true",
        b"x-envoy-external-address: 127.0.0.1",
        b"forwarded: for=127.0.0.1;host=web.shop;proto=https",
        b"via: 1.1 web.shop",
        b"x-real-ip: 127.0.0.1",
        b"host: web.shop/api",
        b"referer: /api",
    )
} | {
    f"method {header!r}": b"DELETE /api HTTP/1.1\r\n" + HOST + header + b"\r\n\r\n"
    for header in (b"x-http-method-override: GET", b"x-http-method: GET", b"x-method-override: GET")
}

UNFINISHED = {
    "length that overflows a sign": FORM + length(2**63) + b"\r\nbody" + HIDDEN,
    "chunk that overflows a sign": FORM + CHUNKED + b"\r\n8000000000000000\r\nbody" + HIDDEN,
    "largest chunk": FORM + CHUNKED + b"\r\nFFFFFFFFFFFFFFFF\r\nbody" + HIDDEN,
    # The body waits for the application to take the websocket, which waits for the body.
    "websocket with a body": FIRST + UPGRADE + b"websocket\r\n" + length(4) + b"\r\n" + HIDDEN,
}
"""Beginnings of longer requests: nobody need answer them yet."""
