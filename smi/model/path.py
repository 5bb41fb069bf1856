"""Request targets as sidecars rewrite them: what is judged is what is forwarded."""

import re
from urllib.parse import quote

_UNRESERVED = re.compile(
    r"%(2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aA]|5[fF]|6[1-9a-fA-F]|7[0-9aA]|7[eE])"
)
"""Escapes of letters, digits and `-._~`, which RFC 3986 section 2.3 makes equal to themselves."""

_ESCAPED = {ord(char): f"%{ord(char):02X}" for char in '"<>^`{|}'}
_REFUSED = re.compile(r"[\x00-\x20\x7f#]|^[^?]*%00")
_NOT_ASCII = re.compile("[^\x00-\x7f]+")
_ABSOLUTE = re.compile("https?://([^/?]+)(/.*)?", re.IGNORECASE)
_NESTED_ESCAPE = re.compile(r"%(?=\x00?[0-9a-fA-F]\x00?[0-9a-fA-F])(?=\x00?.?\x00)")
"""A `%` that, once what follows it is decoded (marked by NUL), would begin an escape."""
_ESCAPED_SLASH = re.compile("%2f|%5c", re.IGNORECASE)


def normalised(target: str, *, http2: bool = False) -> str | None:
    r"""`target` (a path with or without a query, or an absolute URI) as sidecars forward it.

    Escaped unreserved characters are decoded, `\` becomes `/`, dot segments are resolved and
    repeated slashes merged; the query stays as it is. `None` where a sidecar does not serve it:
    HTTP/1 is answered 400, an HTTP/2 stream may be reset. HTTP/1 has no bytes above ASCII, HTTP/2
    no absolute URIs. Follows Envoy 1.40 with `normalize_path` and `merge_slashes`.
    """
    if _REFUSED.search(target) or not (http2 or target.isascii()):
        return None
    absolute = None if http2 else _ABSOLUTE.fullmatch(target)
    path, mark, query = (absolute[2] or "/" if absolute else target).partition("?")
    if not path.startswith("/"):
        return None
    return _merged(_resolved(_decoded(path))) + mark + query


def authority(target: str) -> str | None:
    """The host that an absolute URI names, which wins over a `Host` header; `None` for a path.

    > When an origin server receives a request with an absolute-form of request-target, the origin
    > server MUST ignore the received Host header field (if any) and instead use the host
    > information of the request-target.   (RFC 9112, 3.2.2)
    """
    absolute = _ABSOLUTE.fullmatch(target)
    return absolute[1] if absolute else None


def _decoded(path: str) -> str:
    marked = _UNRESERVED.sub(lambda escape: "\0" + chr(int(escape[1], 16)), path)
    text = _NESTED_ESCAPE.sub("%25", marked).replace("\0", "")
    plain = _NOT_ASCII.sub(lambda found: quote(found[0]), text)
    return plain.translate(_ESCAPED).replace("\\", "/")


def _resolved(path: str) -> str:
    segments: list[str] = []
    *inner, last = path.split("/")[1:]
    for segment in (*inner, last):
        match segment:
            case ".":
                pass
            case "..":
                del segments[-1:]
            case _:
                segments.append(segment)
    if last in {".", ".."}:
        segments.append("")
    return "/" + "/".join(segments)


def _merged(path: str) -> str:
    """Envoy joins the segments that are not empty and keeps a slash at both ends, so `//` stays."""
    if "//" not in path:
        return path
    end = "/" if path.endswith("/") else ""
    return "/" + "/".join(segment for segment in path.split("/") if segment) + end


def without_query(target: str) -> str:
    """The part of a request target that a `pathRegex` is judged on."""
    return target.partition("?")[0]


def has_escaped_slash(target: str) -> bool:
    """Whether the path holds `%2F` or `%5C`, which applications read in different ways."""
    return _ESCAPED_SLASH.search(without_query(target)) is not None
