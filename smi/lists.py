"""Lists of objects: `List`, and typed ones such as `TrafficTargetList`. Pure."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from smi import scheme
from smi.errors import InvalidResource, Problem
from smi.k8s.resource import Resource


def items(document: object) -> list[Any] | None:
    """What a list holds, each item saying what it is; `None` for what is no list.

    Lists in the list are items as they are, and so is a TrafficMetricsList: it is an object.
    """
    if not isinstance(document, Mapping):
        return None
    kind, listed = document.get("kind"), document.get("items")
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(listed, list):
        return None
    if kind == "List":
        return listed
    api_version = document.get("apiVersion")
    if scheme.Kind(str(api_version), kind) in scheme.kinds():
        return None
    # The API server leaves apiVersion and kind out of the items of a typed list.
    said = {"apiVersion": api_version, "kind": kind.removesuffix("List")}
    return [{**said, **item} if isinstance(item, Mapping) else item for item in listed]


def decode(document: Mapping[str, Any]) -> tuple[Resource, ...]:
    """The objects of a list, of the lists in it too, or the one object that it is.

    Kinds that are not read are left out. Raises InvalidResource with all that is wrong with any,
    each field by its place in the list: `items[3].spec.service`.
    """
    problems: list[Problem] = []
    with without_collector():
        found = tuple(_decoded(document, problems))
    if problems:
        raise InvalidResource(problems)
    return found


@contextmanager
def without_collector() -> Iterator[None]:
    """Python's search for cycles is off: in what is only just read there are none to find.

    It looks at everything that was read so far again and again, and costs more than the reading.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _decoded(document: Any, problems: list[Problem]) -> Iterator[Resource]:  # noqa: ANN401
    """Depth first, on a stack of its own: lists may nest deeper than Python calls."""
    waiting = [(document, "")]
    while waiting:
        value, at = waiting.pop()
        below = items(value)
        if below is not None:
            dot = f"{at}." if at else ""
            waiting += [(item, f"{dot}items[{i}]") for i, item in enumerate(below)][::-1]
            continue
        try:
            resource = scheme.decode(value)
        except InvalidResource as error:
            problems += (replace(p, field=f"{at}.{p.field}".strip(".")) for p in error.problems)
            continue
        if resource is not None:
            yield resource
