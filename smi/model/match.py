"""One meaning of a route, for who may call and for which share goes where."""

from dataclasses import dataclass

from smi.k8s.resource import NamespacedName


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """A header whose whole value must match `regex` (RE2).

    `name` is lower-case; `:authority` stands for the request's host. Values of a repeated header
    are judged joined by `,` (`cookie` over HTTP/2: by `; `). An absent header never matches.
    """

    name: str
    regex: str


@dataclass(frozen=True, slots=True)
class HttpMatch:
    """Requests with a path, a method and headers: all three must hold.

    `path_regex` (RE2) is anchored at the start of the normalised path without its query; `None`
    is any path. `methods` is empty for any method.
    """

    group: NamespacedName
    name: str
    path_regex: str | None = None
    methods: frozenset[str] = frozenset()
    headers: tuple[HeaderMatch, ...] = ()


def anchored(path_regex: str) -> str:
    """The regex that matches a whole path exactly where `path_regex` matches a start of it."""
    return f"(?:{path_regex})(?s:.*)"
