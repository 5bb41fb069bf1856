"""Objects that know where they are written. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from smi import scheme
from smi.errors import InvalidResource, Problem
from smi.k8s.resource import Resource
from smi.metrics import TrafficMetrics, TrafficMetricsList
from smi.model.diagnostic import Diagnostic, Severity
from smi.scheme import Kind
from smi.sources.documents import Document, Fault, Plain, documents

Measurement = TrafficMetrics | TrafficMetricsList

_ITEM = re.compile(r"items\[(\d+)\]\.?(.*)")


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object at its hub version, and where it is written.

    `lines` has the line (from 1) of each of its fields by dotted path. `unknown_fields` are those
    that the version in which it is written does not have.
    """

    resource: Resource
    file: str
    line: int
    lines: Mapping[str, int]
    unknown_fields: tuple[str, ...] = ()

    def line_of(self, path: str) -> int:
        """The line of the field at `path`, or of the nearest thing around it that is written."""
        return _line_of(self.lines, path, self.line)


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
            yield Diagnostic(
                Severity.ERROR, resource.kind, resource.key, name, "UnknownField", text
            )


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
    return Manifest(scheme.to_hub(resource), file, written.line, written.lines, unknown)


def _place(problem: Problem, written: _Written, file: str) -> Problem:
    line = _line_of(written.lines, problem.field, written.line)
    return replace(problem, file=file, line=line)


def _line_of(lines: Mapping[str, int], path: str, line: int) -> int:
    if "spec" not in lines:  # v1alpha1 and v1alpha2 have at the root what the hub has in its spec
        path = path.removeprefix("spec.")
    if "specs" in lines and path.startswith("rules"):  # access v1alpha1
        path = path.replace("rules", "specs", 1)
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines[path] if path else line


def _objects(document: Document) -> Iterator[_Written]:
    """The document, or what it lists if it is a `List`, `PodList`, `TrafficSplitList`."""
    value, line = document.value, document.lines[""]
    items = _items(value)
    if items is None:
        yield _Written(value, line, document.lines)
        return
    lines: list[dict[str, int]] = [{} for _ in items]
    for path, place in document.lines.items():
        if found := _ITEM.fullmatch(path):
            lines[int(found[1])][found[2]] = place
    for item, below in zip(items, lines, strict=True):
        yield _Written(item, below.get("", line), below)


def _items(value: Plain) -> list[Plain] | None:
    if not isinstance(value, dict):
        return None
    kind, items = value.get("kind"), value.get("items")
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(items, list):
        return None
    if kind == "List":
        return items
    if Kind(str(value.get("apiVersion")), kind) in scheme.kinds():
        return None  # a list that is read as a whole
    # The API server leaves apiVersion and kind out of the items of a typed list.
    implied = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
    return [implied | item if isinstance(item, dict) else item for item in items]
