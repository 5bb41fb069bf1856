"""Whether a request satisfies a match, and if not, which part of it fails."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from smi.decision.request import Protocol, Request
from smi.k8s.resource import NamespacedName
from smi.model.match import HttpMatch, anchored
from smi.model.path import authority, without_query


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as sidecars judge it.

    `path` is normalised and without its query; `headers` are by lower-case name, the values of a
    repeated one joined.
    """

    method: str
    path: str
    headers: Mapping[str, str]


def seen(request: Request, name: NamespacedName, path: str) -> Seen:
    """`request` to the Service or pod `name`, whose normalised request target is `path`."""
    is_http2 = request.protocol is Protocol.H2
    headers = {":authority": request.authority or f"{name.name}.{name.namespace}"}
    for written, value in request.headers:
        # Envoy joins repeated lines of `Host` like any other; it drops the `host` of HTTP/2.
        header = ":authority" if written.lower() == "host" else written.lower()
        if header == ":authority" and is_http2:
            continue
        # Envoy joins the cookies that HTTP/2 splits (RFC 9113, 8.2.3), not two lines of HTTP/1.
        joint = "; " if header == "cookie" and is_http2 else ","
        before = f"{headers[header]}{joint}" if header in headers else ""
        headers[header] = before + value.strip(" \t")
    named = None if is_http2 else authority(request.path)
    if named is not None:
        headers[":authority"] = named
    return Seen(request.method, without_query(path), headers)


def failure(match: HttpMatch, request: Seen) -> str | None:
    """The first part of `match` that `request` does not satisfy, in words; `None` if it holds."""
    if match.methods and request.method not in match.methods:
        return f"method {request.method} is not {' or '.join(sorted(match.methods))}"
    if match.path_regex and not _full(anchored(match.path_regex), request.path):
        return f"path {request.path!r} does not begin with {match.path_regex!r}"
    for header in match.headers:
        value = request.headers.get(header.name)
        if value is None:
            return f"header {header.name!r} is not there"
        if not _full(header.regex, value):
            return f"header {header.name!r} is {value!r}, which is not all of {header.regex!r}"
    return None


def _full(regex: str, text: str) -> bool:
    return _compiled(regex).fullmatch(text.encode()) is not None


@lru_cache(maxsize=4096)
def _compiled(regex: str) -> Any:  # noqa: ANN401 - re2 ships no types
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(regex.encode(), options)
