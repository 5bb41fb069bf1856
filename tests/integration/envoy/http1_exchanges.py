"""HTTP/1 as applications speak it, and what of it has to arrive on the other side."""

from typing import NamedTuple

from tests.integration.envoy.counterpart import Close, Pause, Step, Until

HEAD = Until(b"\r\n\r\n")
LAST_CHUNK = Until(b"0\r\n\r\n")
EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
LINE = b"x-long: " + b"y" * 58 * 1024 + b"\r\n"


class Exchange(NamedTuple):
    """What a client and an application say, and what each has to hear, in this order.

    What is in `unheard` neither may hear.
    """

    client: tuple[Step, ...]
    application: tuple[Step, ...]
    seen: tuple[bytes, ...]
    heard: tuple[bytes, ...]
    unheard: tuple[bytes, ...] = ()


def request(first: bytes, *lines: bytes, host: bytes = b"host: web.shop\r\n") -> bytes:
    """The head of a request."""
    return first + b"\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def upgrade(to: bytes, *lines: bytes) -> bytes:
    """The head of a request that would like to go on in another protocol."""
    return request(b"GET / HTTP/1.1", b"connection: upgrade", b"upgrade: " + to, *lines)


GET = request(b"GET / HTTP/1.1")
PUT = request(b"PUT / HTTP/1.1", b"expect: 100-continue", b"content-length: 5")
POST = request(b"POST / HTTP/1.1", b"te: trailers", b"transfer-encoding: chunked")
SOCKET = (b"sec-websocket-key: YQ==", b"sec-websocket-version: 13")

EXCHANGES = {
    "HTTP/1.0 without Host": Exchange(
        (request(b"GET / HTTP/1.0", host=b""), Until(b"hello")),
        (HEAD, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
        (b"GET / HTTP/1.1\r\n", b"host: web.shop:80\r\n"),
        (b"HTTP/1.0 200 OK\r\n", b"connection: close\r\n", b"hello"),
    ),
    "HTTP/1.0 with Host, to an answer of unknown length": Exchange(
        (request(b"GET / HTTP/1.0"), Until(b"hello")),
        (HEAD, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        (b"host: web.shop\r\n",),
        (b"HTTP/1.0 200 OK\r\n", b"\r\n\r\nhello"),
        (b"chunked",),
    ),
    "HTTP/1.0 that keeps its connection": Exchange(
        (
            *(request(b"GET /a HTTP/1.0", b"connection: keep-alive"), HEAD),
            *(request(b"GET /b HTTP/1.0", b"connection: keep-alive"), HEAD),
        ),
        (HEAD, EMPTY, HEAD, EMPTY),
        (b"GET /a HTTP/1.1", b"GET /b HTTP/1.1"),
        (b"HTTP/1.0 200 OK", b"connection: keep-alive", b"HTTP/1.0 200 OK"),
    ),
    "application of HTTP/1.0, whose answer ends with the connection": Exchange(
        (GET, LAST_CHUNK),
        (HEAD, b"HTTP/1.0 200 OK\r\n\r\nhello", Close()),
        (b"GET / HTTP/1.1",),
        (b"HTTP/1.1 200 OK", b"hello"),
    ),
    # An intermediary may drop trailers (RFC 9110, 6.5.1). No policy sees them, and there are
    # applications that take them for headers.
    "chunks both ways, and no trailers": Exchange(
        (POST, b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\nx-asked: 1\r\n\r\n", LAST_CHUNK),
        (
            LAST_CHUNK,
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            b"2\r\nfg\r\n0\r\nx-sum: 2\r\n\r\n",
        ),
        (b"POST / HTTP/1.1", b"abc", b"de", b"0\r\n\r\n"),
        (b"HTTP/1.1 200 OK", b"fg", b"0\r\n\r\n"),
        (b"x-asked", b"x-sum"),
    ),
    "pipelining": Exchange(
        (b"".join(request(b"GET /%d HTTP/1.1" % n) for n in range(3)), HEAD, HEAD, HEAD),
        (HEAD, EMPTY, HEAD, EMPTY, HEAD, EMPTY),
        (b"GET /0 ", b"GET /1 ", b"GET /2 "),
        (b"200 OK",) * 3,
    ),
    "expectation that the application meets": Exchange(
        (PUT, Until(b"100 Continue\r\n\r\n"), b"hello", Until(b"200 OK")),
        (HEAD, b"HTTP/1.1 100 Continue\r\n\r\n", Until(b"hello"), EMPTY),
        (b"expect: 100-continue\r\n", b"\r\n\r\nhello"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",),
    ),
    "expectation that the application refuses": Exchange(
        (PUT, Until(b"no")),
        (HEAD, b"HTTP/1.1 417 Expectation Failed\r\ncontent-length: 2\r\n\r\nno"),
        (b"expect: 100-continue\r\n",),
        (b"HTTP/1.1 417 Expectation Failed\r\n", b"\r\n\r\nno"),
        (b"100 Continue",),
    ),
    "hints before the answer": Exchange(
        (GET, HEAD, HEAD),
        (HEAD, b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", EMPTY),
        (),
        (b"HTTP/1.1 103 ", b"link: </a>", b"HTTP/1.1 200 OK"),
    ),
    "answer before the body has ended": Exchange(
        (request(b"PUT / HTTP/1.1", b"content-length: 99999"), b"some", Until(b"big")),
        (
            *(HEAD, Until(b"some")),
            b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig",
        ),
        (b"content-length: 99999", b"some"),
        (b"HTTP/1.1 413 Payload Too Large", b"connection: close", b"big"),
    ),
    "HEAD": Exchange(
        (request(b"HEAD / HTTP/1.1"), HEAD),
        (HEAD, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        (b"HEAD / HTTP/1.1",),
        (b"HTTP/1.1 200 OK", b"content-length: 5"),
    ),
    "204 and 304 have no body": Exchange(
        (GET, HEAD, GET, HEAD, GET, HEAD),
        (
            *(HEAD, b"HTTP/1.1 204 No Content\r\n\r\n"),
            *(HEAD, b'HTTP/1.1 304 Not Modified\r\netag: "a"\r\ncontent-length: 9\r\n\r\n'),
            *(HEAD, EMPTY),
        ),
        (b"GET / ",) * 3,
        (b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b'etag: "a"', b"200 OK"),
        (b"chunked",),
    ),
    "bodies that pause for longer than an idle connection is kept": Exchange(
        (
            *(request(b"PUT / HTTP/1.1", b"content-length: 2"), b"a", Pause(1.5), b"b"),
            Until(b"\r\n\r\nc"),
            Until(b"d"),
        ),
        (Until(b"ab"), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nc", Pause(1.5), b"d"),
        (b"\r\n\r\nab",),
        (b"\r\n\r\ncd",),
    ),
    "large heads": Exchange(
        (GET.replace(b"\r\n\r\n", b"\r\n" + LINE + b"\r\n"), HEAD),
        (HEAD, EMPTY.replace(b"\r\n\r\n", b"\r\n" + LINE + b"\r\n")),
        (LINE,),
        (LINE,),
    ),
    "head that is too large": Exchange(
        (GET.replace(b"\r\n\r\n", b"\r\n" + 2 * LINE + b"\r\n"), HEAD),
        (),
        (),
        (b"HTTP/1.1 431 Request Header Fields Too Large",),
    ),
    "websocket that the application refuses": Exchange(
        (upgrade(b"websocket", *SOCKET), Until(b"no")),
        (HEAD, b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"),
        (b"connection: upgrade\r\n", b"upgrade: websocket\r\n"),
        (b"HTTP/1.1 403 Forbidden", b"\r\n\r\nno"),
    ),
    **{
        f"upgrade to {to.decode()} is not asked for any further": Exchange(
            (upgrade(to), HEAD), (HEAD, EMPTY), (b"GET / HTTP/1.1",), (b"200 OK",), (b"upgrade:",)
        )
        for to in (b"h2c", b"TLS/1.2", b"tcp")
    },
}
