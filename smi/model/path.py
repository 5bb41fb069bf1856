"""Request targets as sidecars rewrite them: what is judged is what is forwarded."""

import re
from urllib.parse import urlsplit

_UNRESERVED = re.compile(
    r"%(2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aA]|5[fF]|6[1-9a-fA-F]|7[0-9aA]|7[eE])"
)
"""Escapes of letters, digits and `-._~`, which RFC 3986 section 2.3 makes equal to themselves."""

_ESCAPED = {ord(char): f"%{ord(char):02X}" for char in '"<>^`{|}'}
_REFUSED = re.compile(r"[^\x21-\x7e]|#|^[^?]*%00")
_NESTED_ESCAPE = re.compile(r"%(?=\x00?[0-9a-fA-F]\x00?[0-9a-fA-F])(?=\x00?.?\x00)")
"""A `%` that stood alone and, by decoding (marked by NUL) what follows it, would begin an escape."""
_ESCAPED_SLASH = re.compile("%2f|%5c", re.IGNORECASE)


def normalised(target: str) -> str | None:
    r"""`target` (a path with or without a query, or an absolute URI) as sidecars forward it.

    Escaped unreserved characters are decoded, `\` becomes `/`, dot segments are resolved and
    repeated slashes merged; the query stays as it is. `None` where a sidecar answers 400. Follows
    Envoy 1.40 with `normalize_path` and `merge_slashes`.
    """
    if _REFUSED.search(target):
        return None
    path, mark, query = _origin_form(target).partition("?")
    if not path.startswith("/"):
        return None
    return _merged(_resolved(_decoded(path))) + mark + query


def _origin_form(target: str) -> str:
    if not target.startswith(("http://", "https://")):
        return target
    parts = urlsplit(target)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _decoded(path: str) -> str:
    marked = _UNRESERVED.sub(lambda escape: "\0" + chr(int(escape[1], 16)), path)
    text = _NESTED_ESCAPE.sub("%25", marked).replace("\0", "")
    return text.translate(_ESCAPED).replace("\\", "/")


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
