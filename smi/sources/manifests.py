"""Objects that know where they are written. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from smi import lists, scheme
from smi.errors import InvalidResource, Problem
from smi.fields import as_written
from smi.k8s.resource import Resource
from smi.metrics import TrafficMetrics, TrafficMetricsList
from smi.model.diagnostic import Diagnostic, Severity
from smi.sources.documents import Document, Fault, documents

Measurement = TrafficMetrics | TrafficMetricsList

_ITEM = re.compile(r"items\[(\d+)\]\.?(.*)")


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object at its hub version, as it is `written`, and where.

    `lines` has the line (from 1) of each of its fields by dotted path. `unknown_fields` are those
    that the version in which it is written does not have.
    """

    resource: Resource
    written: Resource
    file: str
    line: int
    lines: Mapping[str, int]
    unknown_fields: tuple[str, ...] = ()

    def field_of(self, path: str) -> str:
        """Where the field at `path` of the hub stands as it is written."""
        return _at_root(self.lines, as_written(self.written, path))

    def line_of(self, path: str) -> int:
        """The line of the field at `path` of the hub, or of the nearest thing around it."""
        return _line_of(self.lines, self.field_of(path), self.line)


@dataclass(frozen=True, slots=True)
class Contents:
    """What one file says; `ignored` counts the objects that mean nothing to a mesh, by kind.

    `measurements` are those among them that SMI has a say about: they are read, and no state.
    """

    manifests: tuple[Manifest, ...] = ()
    problems: tuple[Problem, ...] = ()
    measurements: tuple[Manifest, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)


def unknown_fields(manifests: Iterable[Manifest]) -> Iterator[Diagnostic]:
    """What is to be said about each field that its version does not have.

    An error, as for kubectl: without its `pathRegex`, a match would grant every path.
    """
    text = "this version of the kind has no such field; correct its name or remove it"
    for manifest in manifests:
        resource = manifest.resource
        for name in manifest.unknown_fields:
            line = _line_of(manifest.lines, name, manifest.line)
            said = (name, "UnknownField", text, manifest.file, line)
            yield Diagnostic(Severity.ERROR, resource.kind, resource.key, *said)


class _Written(NamedTuple):
    value: Any
    line: int
    lines: Mapping[str, int]


def contents(text: str, file: str) -> Contents:
    """The objects that `text` holds, and what is wrong with the rest; `file` is its name."""
    manifests: list[Manifest] = []
    measurements: list[Manifest] = []
    problems: list[Problem] = []
    ignored: Counter[str] = Counter()
    for document in documents(text):
        if isinstance(document, Fault):
            problems.append(Problem(file, document.line, "", "", "", document.message))
            continue
        for written in _objects(document):
            try:
                manifest = _manifest(written, file)
            except InvalidResource as error:
                problems += (_place(problem, written, file) for problem in error.problems)
                continue
            if manifest and not isinstance(manifest.resource, Measurement):
                manifests.append(manifest)
            else:
                measurements += [manifest] if manifest else []
                ignored[f"{written.value['apiVersion']} {written.value['kind']}"] += 1
    return Contents(tuple(manifests), tuple(problems), tuple(measurements), ignored)


def _manifest(written: _Written, file: str) -> Manifest | None:
    resource = scheme.decode(written.value)
    if resource is None:
        return None
    unknown = scheme.unknown_fields(resource)
    hub = scheme.to_hub(resource)
    return Manifest(hub, resource, file, written.line, written.lines, unknown)


def _place(problem: Problem, written: _Written, file: str) -> Problem:
    field_ = _at_root(written.lines, problem.field)
    line = _line_of(written.lines, field_, written.line)
    return replace(problem, file=file, line=line, field=field_)


def _line_of(lines: Mapping[str, int], path: str, line: int) -> int:
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines[path] if path else line


def _at_root(lines: Mapping[str, int], path: str) -> str:
    """`path`, or where a route group has its matches at the root, the path there."""
    elsewhere = "matches" in lines and "spec.matches" not in lines
    return path.removeprefix("spec.") if elsewhere and path.startswith("spec.matches") else path


def _objects(document: Document) -> Iterator[_Written]:
    """The document, or what it lists if it is a `List`, `PodList`, `TrafficSplitList`."""
    value, line = document.value, document.lines[""]
    items = lists.items(value)
    if items is None:
        yield _Written(value, line, document.lines)
        return
    lines: list[dict[str, int]] = [{} for _ in items]
    for path, place in document.lines.items():
        if found := _ITEM.fullmatch(path):
            lines[int(found[1])][found[2]] = place
    for item, below in zip(items, lines, strict=True):
        yield _Written(item, below.get("", line), below)
