"""Identities before v1alpha4: without group, and IdentityBindings only where they come from it.

An IdentityBinding keeps its kind at an older version, where it means nobody; the stash vouches for
it, so that one that was written there can be told from one that was converted.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from pydantic_core import PydanticCustomError

from smi.k8s import stash
from smi.k8s.document import Document, items, part, without

_NAMES = ("kind", "name", "namespace")
SHAPE: stash.Shape = {
    "identities": lambda value: isinstance(value, list) and all(map(_is_stashed, value))
}


class Identity(Protocol):
    """One end of a target, at any version."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def namespace(self) -> str | None: ...


def stashed(spec: Mapping[str, Any]) -> list[Document]:
    """The ends of a target that v1alpha3 cannot say; of one name all, if it cannot say one."""
    ends = _ends(spec)
    lossy = [_key(end) for end in ends if "group" in end or end.get("kind") == "IdentityBinding"]
    return [
        {name: end[name] for name in (*_NAMES, "group") if name in end}
        for end in ends
        if _key(end) in lossy
    ]


def without_groups(spec: Mapping[str, Any]) -> Document:
    """The spec as v1alpha3 says it."""
    return _each_end(spec, lambda end: without(end, "group"))


def with_groups(spec: Mapping[str, Any], content: Iterable[Document]) -> Document:
    """The spec with the groups that its ends had at the hub."""
    left = list(content)

    def regrouped(end: Document) -> Document:
        entry = next((entry for entry in left if _key(entry) == _key(end)), None)
        if entry is None:
            return end
        left.remove(entry)
        return end | {name: entry[name] for name in ("group",) if name in entry}

    return _each_end(spec, regrouped)


def refuse_bindings(
    annotations: Mapping[str, str], destination: Identity, sources: Iterable[Identity], at: str
) -> None:
    """Raise where an IdentityBinding is named that does not come from the hub.

    `at` is where destination and sources stand, as `.spec`.
    """
    shape: stash.Shape = {**SHAPE, "rules": lambda _: True}
    _, content = stash.take({"metadata": {"annotations": dict(annotations)}}, shape)
    vouched = [_key(entry) for entry in content.get("identities", ())]
    ends = [("destination", destination)]
    ends += [(f"sources[{index}]", source) for index, source in enumerate(sources)]
    for field, end in ends:
        if end.kind == "IdentityBinding" and (end.kind, end.name, end.namespace) not in vouched:
            raise PydanticCustomError(
                "newer_kind",
                "only v1alpha4 has IdentityBinding; write apiVersion: access.smi-spec.io/v1alpha4",
                {"at": f"{at}.{field}.kind"},
            )


def _is_stashed(value: object) -> bool:
    """Whether `value` can be what was stashed of an identity; its group lost, it is another."""
    return isinstance(value, Mapping) and value.keys() <= {*_NAMES, "group"}


def _ends(spec: Mapping[str, Any]) -> list[Document]:
    ends = [part(spec, "destination"), *items(spec, "sources")]
    return [dict(end) for end in ends if isinstance(end, Mapping)]


def _each_end(spec: Mapping[str, Any], change: Callable[[Document], Document]) -> Document:
    changed = dict(spec)
    if isinstance(spec.get("destination"), Mapping):
        changed["destination"] = change(part(spec, "destination"))
    if isinstance(spec.get("sources"), list):
        sources = spec["sources"]
        changed["sources"] = [change(dict(s)) if isinstance(s, Mapping) else s for s in sources]
    return changed


def _key(end: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(end.get(name) for name in _NAMES)
