"""The documentation as tests read it: its pages, their blocks and their tables of fields."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from smi import scheme
from smi.k8s.core_v1 import ObjectReference
from smi.k8s.resource import Resource
from smi.k8s.shape import Shape

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])
KIND_PAGES = sorted(ROOT.glob("docs/kinds/*.md"))

_BLOCK = re.compile(r"^```(\w+) *(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
_OF_EVERY_KIND = {"api_version", "kind", "metadata", "status"}


class Block(NamedTuple):
    """A fenced block; `said` is what stands behind its language.

    `yaml mistake: TEXT` is a mistake that is found with TEXT, `yaml FILE` a file that the page's
    commands find; `python cluster` wants an API server.
    """

    page: Path
    number: int
    language: str
    said: str
    text: str


def blocks(*languages: str) -> list[Block]:
    """The blocks in these languages, of all pages."""
    return [
        Block(page, number, *found)
        for page in PAGES
        for number, found in enumerate(_BLOCK.findall(page.read_text()))
        if found[0] in languages
    ]


def files(page: Path) -> dict[str, str]:
    """The files that the blocks of a page are, for its commands."""
    return {
        block.said: block.text
        for block in blocks("yaml")
        if block.page == page and block.said and not block.said.startswith("mistake:")
    }


def written_fields(page: Path) -> dict[tuple[str, str], str]:
    """Of the table of fields of a page: (field, version) → the first word of the cell."""
    header, _, *rows = re.findall(r"^\|.*\|$", page.read_text(), flags=re.MULTILINE)
    columns = _cells(header)
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        field, *cells = _cells(row)
        if not field.startswith("`"):
            break
        for version, cell in zip(columns[1:], cells, strict=True):
            if version.startswith("v1alpha"):
                found[field.strip("`"), version] = cell.partition(" ")[0]
    return found


def read_fields(kind: str) -> dict[tuple[str, str], str]:
    """Of the classes of a kind: (field, version) → whether it is required, optional or not there.

    Fields are named as the newest version names them, below its `spec`.
    """
    versions = [read for known, read in scheme._CLASSES.items() if known.kind == kind]
    found: dict[tuple[str, str], str] = {}
    for read in versions:
        version = read.model_fields["api_version"].default.rpartition("/")[2]
        for path, is_required in _fields(read, ""):
            named = re.sub(r"^(spec\.)?(specs\b)?", lambda m: "rules" if m[2] else "", path)
            if named != "spec":
                found[named, version] = "required" if is_required else "optional"
    names = {field for field, _ in found}
    there = [read.model_fields["api_version"].default.rpartition("/")[2] for read in versions]
    return {(name, v): found.get((name, v), "–") for name in names for v in there}  # noqa: RUF001


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _fields(read: type[Shape], prefix: str) -> Iterator[tuple[str, bool]]:
    for name, field in read.model_fields.items():
        if issubclass(read, Resource) and name in _OF_EVERY_KIND:
            continue
        path = f"{prefix}{field.alias or name}"
        yield path, field.is_required()
        for shape, suffix in _shapes(field.annotation):
            yield from _fields(shape, f"{path}{suffix}.")


def _shapes(annotation: Any) -> Iterator[tuple[type[Shape], str]]:  # noqa: ANN401 - any annotation
    if annotation is ObjectReference:
        return  # Kubernetes' own
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        yield annotation, ""
    for argument in get_args(annotation):
        for shape, suffix in _shapes(argument):
            yield shape, "[]" if get_origin(annotation) is tuple else suffix
