"""Text to plain values that know their lines: YAML as the tools of Kubernetes read it, and JSON."""

import json
import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import yaml

# The stubs call every event's anchor and mark optional; of those read here they are not.
Event = Any
Mark = Any
# Any value that YAML and JSON share.
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

# Kubernetes has no times, no `=` and no sixty-based numbers (1:30): to its tools they are text.
_TEXT = {"str", "timestamp", "value", "merge"}
_NUMBERS = {"int", "float"}
_DEEPEST = 100  # far beyond any manifest, well within Python's stack
_MOST_BY_ALIAS = 100_000  # values that a document's aliases may stand for, each with all below it
_DOCUMENT = re.compile(r"^(?=---(?:\s|$))", re.MULTILINE)
# JSON writes a character beyond U+FFFF as two escapes, which YAML calls invalid.
_ESCAPED_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB]..\\u[dD][c-fC-F]..)")
# Text of JSON may hold them as they are; YAML 1.1 ends a line there, and folds it.
_KEPT_IN_JSON = {ord(kept): f"\\u{ord(kept):04x}" for kept in "\x85\u2028\u2029"}
_ODD_BREAK = re.compile("[\r\x85\u2028\u2029]")
_DIRECTIVES = re.compile(r"(?:(?:[%#].*|[^\S\n]*)(?:\n|$))*")


class _Events(yaml.CSafeLoader):
    bool_values: ClassVar = {**yaml.CSafeLoader.bool_values, "y": True, "n": False}


# YAML 1.1 wants a point and a signed exponent in a number; JSON and the tools of Kubernetes do not.
_Events.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)
# PyYAML leaves out what YAML 1.1 says of a single letter; the tools of Kubernetes do not.
_Events.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))


@dataclass(frozen=True, slots=True)
class Document:
    """One document; `lines` has the line (from 1) of each field by its dotted path, "" is its own.

    What an alias or a merge key brings in stands where the alias stands, without own lines.
    """

    value: Plain
    lines: dict[str, int]


@dataclass(frozen=True, slots=True)
class Fault:
    """A document that is malformed, and where that shows."""

    line: int
    message: str


class _MalformedError(Exception):
    def __init__(self, event: Event, message: str) -> None:
        self.mark: Mark = event.start_mark
        super().__init__(message)


def documents(text: str) -> Iterator[Document | Fault]:
    """Every document of `text` that is not empty; a malformed one does not hide the others."""
    for offset, part in parts(text):
        if _DIRECTIVES.fullmatch(part):
            continue
        text = _plain(part)
        lines = _Lines(text, offset + 1)
        try:
            for document in _read(text, lines):
                if document.value is not None:
                    yield document
        except _MalformedError as error:
            yield Fault(lines.of(error.mark), str(error))
        except yaml.MarkedYAMLError as error:
            yield Fault(lines.of(error.problem_mark), f"is not YAML: {error.problem}")
        except (yaml.YAMLError, UnicodeError) as error:
            yield Fault(offset + 1, f"is not YAML: {error}".partition("\n")[0])


def parts(text: str) -> Iterator[tuple[int, str]]:
    """The pieces that lines of `---` begin, as they are written, and how many lines precede each.

    Together they are `text`. A piece may hold only comments.
    """
    # YAML forbids a line that starts with `---` inside of any document.
    offset = 0
    for part in _DOCUMENT.split(text):
        yield offset, part
        offset += part.count("\n")


def is_json(part: str) -> bool:
    """Whether a piece is written as JSON."""
    return part.lstrip("- \n").startswith("{")


def _plain(part: str) -> str:
    if not is_json(part):
        return part
    return _ESCAPED_PAIR.sub(_unescape, part.translate(_KEPT_IN_JSON))


def _unescape(pair: re.Match[str]) -> str:
    try:
        return pair[1] + str(json.loads(f'"{pair[2]}"'))
    except ValueError:
        return pair[0]


class _Lines:
    """On which line something stands, as editors count: YAML 1.1 ends lines at U+2028 as well."""

    def __init__(self, text: str, first: int) -> None:
        self._first = first
        self._ends = (
            [end.start() for end in re.finditer("\n", text)] if _ODD_BREAK.search(text) else None
        )

    def of(self, mark: Mark) -> int:
        before: int = mark.line if self._ends is None else bisect_left(self._ends, mark.index)
        return self._first + before


def _read(text: str, lines: _Lines) -> Iterator[Document]:
    events: Any = _Events(text)
    while not events.check_event(yaml.StreamEndEvent):
        if events.check_event(yaml.StreamStartEvent, yaml.DocumentEndEvent):
            events.get_event()
            continue
        events.get_event()
        reading = _Reading(events, lines.of)
        yield Document(reading.value("", 0), reading.lines)


class _Anchored(NamedTuple):
    """What an anchor names, and how many values that is with all below it."""

    value: Plain
    values: int


@dataclass(slots=True)
class _Reading:
    """One document while its events arrive."""

    events: Any
    line_of: Callable[[Mark], int]
    lines: dict[str, int] = field(default_factory=dict)
    anchors: dict[str, _Anchored] = field(default_factory=dict)
    values: int = 0
    by_alias: int = 0

    def value(self, path: str, depth: int) -> Plain:
        event = self.events.get_event()
        self.lines[path] = self.line_of(event.start_mark)
        if depth > _DEEPEST:
            raise _MalformedError(event, f"nests deeper than {_DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self.values
        self.values += 1
        value: Plain
        if isinstance(event, yaml.MappingStartEvent):
            value = self._map(path, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(path, depth)
        else:
            value = self._scalar(event)
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(value, self.values - before)
        return value

    def _alias(self, event: Event) -> Plain:
        if event.anchor not in self.anchors:
            raise _MalformedError(event, f"has no &{event.anchor} before this alias")
        anchored = self.anchors[event.anchor]
        self.values += anchored.values
        self.by_alias += anchored.values
        # A few lines of aliases to aliases would be more than any memory holds, written out.
        if self.by_alias > _MOST_BY_ALIAS:
            message = f"has aliases for more than {_MOST_BY_ALIAS} values; write them out"
            raise _MalformedError(event, message)
        return anchored.value

    def _list(self, path: str, depth: int) -> list[Plain]:
        items: list[Plain] = []
        while not self.events.check_event(yaml.SequenceEndEvent):
            items.append(self.value(f"{path}[{len(items)}]", depth + 1))
        self.events.get_event()
        return items

    def _map(self, path: str, depth: int) -> dict[str, Plain]:
        own: dict[str, Plain] = {}
        merged: dict[str, Plain] = {}
        while not self.events.check_event(yaml.MappingEndEvent):
            event = self.events.get_event()
            line = self.line_of(event.start_mark)
            if not isinstance(event, yaml.ScalarEvent):
                raise _MalformedError(event, "has a key that is not plain text")
            if event.value == "<<" and event.implicit[0]:
                merged |= self._merge(event, f"{path}.<<", depth)
                continue
            if event.value in own:
                raise _MalformedError(event, f'has "{event.value}" twice in one map')
            below = f"{path}.{event.value}" if path else event.value
            own[event.value] = self.value(below, depth + 1)
            self.lines[below] = line
        self.events.get_event()
        return merged | own

    def _merge(self, key: Event, path: str, depth: int) -> dict[str, Plain]:
        value = self.value(path, depth + 1)
        merged: dict[str, Plain] = {}
        # > Keys in mapping nodes earlier in the sequence override keys specified in later mapping
        # > nodes.   (the YAML merge key)
        for item in reversed(value if isinstance(value, list) else [value]):
            if not isinstance(item, dict):
                raise _MalformedError(key, "has << with something that is not a map")
            merged |= item
        return merged

    def _scalar(self, event: Event) -> Plain:
        tag: str = event.tag or self.events.resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = tag.removeprefix("tag:yaml.org,2002:")
        text: str = event.value
        if kind in _TEXT or (kind in _NUMBERS and ":" in text):
            return text
        if kind not in {*_NUMBERS, "bool", "null"}:
            raise _MalformedError(event, f"has a tag that is not read: {tag}")
        node = yaml.ScalarNode(tag, text)
        try:
            value: Plain = getattr(self.events, f"construct_yaml_{kind}")(node)
        except (ValueError, KeyError, IndexError):
            raise _MalformedError(event, f"has a value that is not {kind}") from None
        if kind in _NUMBERS and not _is_json_number(value):
            raise _MalformedError(event, f"has a number that JSON cannot say: {text[:20]}")
        return value


def _is_json_number(value: Any) -> bool:  # noqa: ANN401
    """Whether Kubernetes, which reads numbers as of 64 bits, can take the number."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
