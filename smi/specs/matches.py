"""HTTP matches as v1alpha1 can say them, which is without headers, and their headers by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from smi.k8s.document import Document, without

_SEEN = ("name", "pathRegex", "methods")


def stashed(matches: Sequence[Any]) -> list[Document]:
    """What restores the headers of `matches`: all of a name if one of that name has some."""
    named = [m for m in matches if isinstance(m, Mapping) and isinstance(m.get("name"), str)]
    lossy = {match["name"] for match in named if "headers" in match}
    return [
        {name: match[name] for name in (*_SEEN, "headers") if name in match}
        for match in named
        if match["name"] in lossy
    ]


def is_stashed(value: object) -> bool:
    """Whether `value` can be what was stashed of a match: one field lost would open more."""
    known = {*_SEEN, "headers"}
    return (
        isinstance(value, Mapping) and isinstance(value.get("name"), str) and value.keys() <= known
    )


def restored(matches: Sequence[Any], content: Sequence[Document]) -> list[Any]:
    """`matches` of v1alpha1, with the headers that those of the same name had at the hub.

    A match that was edited keeps its edits and its headers. Where several of one name were, and
    it cannot be told which one an edited one was, it has the headers of all of them.
    """
    left = list(content)
    return [_restored(match, left, content) for match in matches]


def _restored(match: Any, left: list[Document], content: Sequence[Document]) -> Any:  # noqa: ANN401
    if not isinstance(match, Mapping):
        return match
    entry = next((entry for entry in left if _seen(entry) == _seen(match)), None)
    if entry is not None:
        left.remove(entry)
        return _with_headers(match, [entry])
    return _with_headers(match, [e for e in content if e["name"] == match.get("name")])


def _with_headers(match: Mapping[str, Any], entries: Sequence[Document]) -> Document:
    written = [entry["headers"] for entry in entries if "headers" in entry]
    if not written:
        return dict(match)
    pairs = [pair for headers in written for pair in _pairs(headers)]
    return without(match, "headers") | {"headers": written[0] if len(written) == 1 else pairs}


def _pairs(headers: object) -> list[Any]:
    if isinstance(headers, Mapping):
        return [{name: regex} for name, regex in headers.items()]
    return headers if isinstance(headers, list) else [headers]


def _seen(match: Mapping[str, Any]) -> Document:
    return {name: match[name] for name in _SEEN if name in match}
