"""HTTP/1.1 as its strictest reader takes it: what two readers might take differently is none."""

import re
from typing import NamedTuple

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST = re.compile(rf"({_TOKEN}) ([\x21-\x7e]+) HTTP/1\.1")
_HEADER = re.compile(rf"({_TOKEN}):[ \t]*((?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)[ \t]*")
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_LENGTH = re.compile("[0-9]{1,20}")
_LARGEST = 1 << 20  # of a head


class Unreadable(Exception):
    """No request of HTTP/1.1."""


class Head(NamedTuple):
    """A request line and its headers, whose names are in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """The values of a header, in the order sent."""
        return [value for key, value in self.headers if key == name]

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return bool(self.values("transfer-encoding"))


def head(data: bytes) -> tuple[Head | None, bytes]:
    """The head that `data` begins with, and the rest; `None` while it is not all there."""
    text, mark, rest = data.partition(b"\r\n\r\n")
    if not mark:
        if len(data) > _LARGEST:
            raise Unreadable("endless")
        return None, data
    first, *lines = text.decode("latin-1").split("\r\n")
    request = _REQUEST.fullmatch(first)
    if request is None:
        raise Unreadable(first)
    headers = []
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise Unreadable(line)
        headers.append((header[1].lower(), header[2]))
    found = Head(request[1], request[2], tuple(headers))
    _check_framing(found)
    return found, rest


def _check_framing(found: Head) -> None:
    lengths, codings = found.values("content-length"), found.values("transfer-encoding")
    if len(found.values("host")) != 1:
        raise Unreadable("not one host")
    if len(lengths) + len(codings) > 1 or codings not in ([], ["chunked"]):
        raise Unreadable("two ends")
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        raise Unreadable(lengths[0])


def body(found: Head, data: bytes) -> tuple[bytes | None, bytes]:
    """The body that `data` begins with, and the rest; `None` while it is not all there."""
    if found.is_chunked:
        return _chunks(data)
    lengths = found.values("content-length")
    size = int(lengths[0]) if lengths else 0
    return (data[:size], data[size:]) if len(data) >= size else (None, data)


def _chunks(data: bytes) -> tuple[bytes | None, bytes]:
    chunks, rest = b"", data
    while True:
        size = _SIZE.match(rest)
        if size is None:
            if len(rest) >= 10 or (b"\n" in rest):
                raise Unreadable(rest[:20])
            return None, data
        length = int(size[1], 16)
        rest = rest[size.end() :]
        if len(rest) < length + 2:
            return None, data
        if rest[length : length + 2] != b"\r\n":
            raise Unreadable(rest[length : length + 20])
        chunks, rest = chunks + rest[:length], rest[length + 2 :]
        if length == 0:
            return chunks, rest
