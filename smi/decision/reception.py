"""What a sidecar does not take for a request, before any policy is asked."""

import re
from collections.abc import Sequence

MOST_BYTES = 60 * 1024
"""Of a request's head. Envoy's default (`max_request_headers_kb`); more is answered 431."""

MOST_HEADERS = 100
"""Pseudo-headers and `Host` among them. Envoy's default (`max_headers_count`)."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PSEUDO = 4  # :method, :scheme, :authority and :path

# > An endpoint MUST NOT generate an HTTP/2 message containing connection-specific header fields.
# > (RFC 9113, 8.2.2)
_OF_A_CONNECTION = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


def refusal(
    method: str, target: str, headers: Sequence[tuple[str, str]], *, http2: bool
) -> str | None:
    """Why a request with this head is refused whatever its target; `None` where it is not.

    HTTP/1 is answered with a status of 400 or more, an HTTP/2 stream may be reset.
    """
    if is_too_large(target, headers, http2=http2):
        return f"the head is larger than {MOST_BYTES} bytes or {MOST_HEADERS} headers: 431"
    if method == "CONNECT":
        return "CONNECT asks for a tunnel, which no sidecar opens"
    if not _TOKEN.fullmatch(method):
        return f"{method!r} is no method: answered with 400"
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            return f"the header {name!r} is none: answered with 400"
        if http2 and (name.lower() in _OF_A_CONNECTION or _is_foreign_te(name, value)):
            return f"HTTP/2 has no header {name!r}: answered with a reset"
    return None


def is_too_large(target: str, headers: Sequence[tuple[str, str]], *, http2: bool) -> bool:
    """Whether a head has more bytes or headers than a sidecar takes."""
    size = len(target) + sum(len(name) + len(value) for name, value in headers)
    return size > MOST_BYTES or len(headers) + (_PSEUDO if http2 else 1) > MOST_HEADERS


def _is_foreign_te(name: str, value: str) -> bool:
    return name.lower() == "te" and value.strip().lower() != "trailers"
