"""HTTP/2 written by hand: frames that no library would send, and what is answered to them."""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW, MORE = range(10)
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x4, 0x8, 0x20

Pairs = Iterable[tuple[bytes | str, bytes | str]]


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def block(pairs: Pairs) -> bytes:
    """Headers, packed as literals: no table is touched."""
    return b"".join(_literal(as_bytes(name)) + _string(as_bytes(value)) for name, value in pairs)


def _literal(name: bytes) -> bytes:
    return b"\x00" + _string(name)


def _string(text: bytes) -> bytes:
    size = len(text)
    if size < 127:
        return bytes([size]) + text
    length, rest = b"\x7f", size - 127
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + text


def as_bytes(text: bytes | str) -> bytes:
    """Text as it is sent."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


def headers(pairs: Pairs, *, stream: int = 1, flags: int = END_HEADERS | END_STREAM) -> bytes:
    """A HEADERS frame; by default the whole request."""
    return frame(HEADERS, block(pairs), flags, stream)


def data(text: bytes, *, stream: int = 1, ends: bool = True) -> bytes:
    """A DATA frame."""
    return frame(DATA, text, END_STREAM if ends else 0, stream)


def opening(settings: bytes = b"") -> bytes:
    """How a client begins."""
    return PREFACE + frame(SETTINGS, settings) + frame(SETTINGS, flags=1)


class Told(NamedTuple):
    """What a server said: statuses by stream, the streams it reset, and whether it gave up."""

    statuses: dict[int, int]
    reset: frozenset[int]
    gone: bool

    @property
    def is_something(self) -> bool:
        """Whether it said anything about a request."""
        return bool(self.statuses or self.reset or self.gone)


def told(text: bytes) -> Told:
    """What the bytes of a server say."""
    decoder, statuses, reset, gone = hpack.Decoder(), dict[int, int](), set[int](), False
    for kind, flags, stream, payload in _frames(text):
        if kind == HEADERS:
            assert flags & END_HEADERS
            found = {str(name): str(value) for name, value in _decoded(decoder, payload)}
            statuses.setdefault(stream, int(found.get(":status", 0)))
        elif kind == RST_STREAM:
            reset.add(stream)
        gone |= kind == GOAWAY
    return Told(statuses, frozenset(reset), gone or text.startswith(b"HTTP/1.1 4"))


def _decoded(decoder: hpack.Decoder, payload: bytes) -> Iterator[tuple[str, str]]:
    for name, value in decoder.decode(payload, raw=True):
        yield bytes(name).decode("latin-1"), bytes(value).decode("latin-1")


def _frames(text: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    while len(text) >= 9:
        size = int.from_bytes(text[:3], "big")
        if len(text) < 9 + size:
            return
        kind, flags, stream = struct.unpack(">BBI", text[3:9])
        yield kind, flags, stream, text[9 : 9 + size]
        text = text[9 + size :]
