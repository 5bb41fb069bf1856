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
_ABSOLUTE = re.compile(
    r"https?://(?:[^@/?]*@)?((?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::0*([0-9]{1,5}))?)(/.*)?",
    re.IGNORECASE,
)
_MOST_PORT = 65535
_NESTED_ESCAPE = re.compile(r"%(?=\x00?[0-9a-fA-F]\x00?[0-9a-fA-F])(?=\x00?.?\x00)")
"""A `%` that, once what follows it is decoded (marked by NUL), would begin an escape."""
_PARAMETERS = re.compile(r"(?<=/)(\.\.?);[^/]*")
"""Of dot segments. Envoy takes them away before it decodes: `%2e%2e;` comes out as `..;`."""
_AMBIGUOUS = re.compile(r"%2f|%5c|/\.\.?;", re.IGNORECASE)


def normalised(target: str, *, http2: bool = False) -> str | None:
    r"""`target` (a path with or without a query, or an absolute URI) as a sidecar forwards it.

    Dot segments lose their parameters, escaped unreserved characters are decoded, `\` becomes
    `/`, dot segments are resolved and repeated slashes merged; the query stays as it is. `None`
    where a sidecar does not serve it: HTTP/1 is answered 400, an HTTP/2 stream may be reset.
    HTTP/1 has no bytes above ASCII, HTTP/2 no absolute URIs. Follows Envoy 1.40 with
    `normalize_path` and `merge_slashes`.
    """
    if _REFUSED.search(target) or not (http2 or target.isascii()):
        return None
    absolute = None if http2 else _absolute(target)
    path, mark, query = (absolute[3] or "/" if absolute else target).partition("?")
    if not path.startswith("/"):
        return None
    return _merged(_resolved(_decoded(_PARAMETERS.sub(r"\1", path)))) + mark + query


def authority(target: str) -> str | None:
    """The host that an absolute URI names, which wins over a `Host` header; `None` for a path.

    It is without the user that may stand before it.

    > When an origin server receives a request with an absolute-form of request-target, the origin
    > server MUST ignore the received Host header field (if any) and instead use the host
    > information of the request-target.   (RFC 9112, 3.2.2)
    """
    absolute = _absolute(target)
    return absolute[1] if absolute else None


def _absolute(target: str) -> re.Match[str] | None:
    """Its host and port, the port, and the path; a host is letters, digits, dots and hyphens."""
    found = _ABSOLUTE.fullmatch(target)
    return found if found and int(found[2] or 0) <= _MOST_PORT else None


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


def is_ambiguous(target: str) -> bool:
    """Whether a normalised path holds what applications read in different ways.

    `%2F` or `%5C`, or a dot segment with parameters (`..;x`) that came out of escapes.
    """
    return _AMBIGUOUS.search(without_query(target)) is not None
