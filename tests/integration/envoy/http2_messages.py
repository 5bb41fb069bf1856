"""HTTP/2 as bytes, with nothing tidied: what is said goes out as it is, without Huffman codes.

The usual libraries take seconds for the codes of a very long path, or refuse what is not valid.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable
from enum import IntEnum
from typing import NamedTuple

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LONGEST = 16384  # bytes of a frame that need no agreement (RFC 9113, 4.2)
LIMIT = 2**18  # bytes of a head that can be read; Envoy takes 60 KiB

Fields = Iterable[tuple[str, str]]


class Kind(IntEnum):
    """Those of RFC 9113, section 6, that matter here."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    CONTINUATION = 9


class Flag(IntEnum):
    """Of HEADERS and CONTINUATION; that of an acknowledgement is `END_STREAM`'s."""

    END_STREAM = 1
    END_HEADERS = 4
    PADDED = 8
    PRIORITY = 32


class Frame(NamedTuple):
    """One frame. A block of headers is whole: its continuations are joined to it."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def frame(kind: Kind, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame on the wire."""
    head = struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream)
    return head + payload


def headers(stream: int, fields: Fields, *, ends: bool = True) -> bytes:
    """What is said first on `stream`; all of it, if it `ends`."""
    block = b"".join(b"\0" + _string(name) + _string(value) for name, value in fields)
    first, *rest = [block[at : at + LONGEST] for at in range(0, len(block), LONGEST)]
    last = len(rest)
    ended = Flag.END_STREAM if ends else 0
    frames = [frame(Kind.HEADERS, ended | _end(last == 0), stream, first)]
    frames += [
        frame(Kind.CONTINUATION, _end(number == last), stream, part)
        for number, part in enumerate(rest, start=1)
    ]
    return b"".join(frames)


def _end(is_last: bool) -> int:
    return Flag.END_HEADERS if is_last else 0


def _string(text: str) -> bytes:
    """A literal (RFC 7541, 5.2)."""
    written = text.encode()
    if len(written) < 127:
        return bytes((len(written),)) + written
    length, rest = [127], len(written) - 127
    while rest > 127:
        length.append(rest % 128 + 128)
        rest //= 128
    return bytes((*length, rest)) + written


def decoder() -> hpack.Decoder:
    """What reads the blocks of one connection."""
    found = hpack.Decoder()
    found.max_header_list_size = LIMIT
    return found


def fields(decoder: hpack.Decoder, block: bytes) -> dict[str, str]:
    """The headers of a block, byte by byte."""
    pairs = decoder.decode(block, raw=True)
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[Frame]:
    """What arrives, until the connection ends."""
    block = Frame(0, 0, 0, b"")
    while True:
        try:
            head = await reader.readexactly(9)
        except asyncio.IncompleteReadError:
            return
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        payload = await reader.readexactly(int.from_bytes(head[:3]))
        if kind not in {Kind.HEADERS, Kind.CONTINUATION}:
            yield Frame(kind, flags, stream, payload)
            continue
        if kind == Kind.HEADERS:
            payload = _without_padding(flags, payload)
            block = Frame(kind, flags, stream, payload)
        else:
            block = block._replace(payload=block.payload + payload)
        if flags & Flag.END_HEADERS:
            yield block


def _without_padding(flags: int, payload: bytes) -> bytes:
    padding = payload[0] if flags & Flag.PADDED else 0
    start = (1 if flags & Flag.PADDED else 0) + (5 if flags & Flag.PRIORITY else 0)
    return payload[start : len(payload) - padding]


def acknowledged(found: Frame) -> bytes:
    """What has to be answered to a frame that is no message."""
    is_answer = found.flags & Flag.END_STREAM
    if found.kind == Kind.SETTINGS and not is_answer:
        return frame(Kind.SETTINGS, Flag.END_STREAM)
    if found.kind == Kind.PING and not is_answer:
        return frame(Kind.PING, Flag.END_STREAM, 0, found.payload)
    return b""
