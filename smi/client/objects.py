"""What comes from the API server, as typed objects. Pure.

One object that cannot be read hides no other: it is a value that says what is wrong with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from smi import scheme
from smi.errors import InvalidResource, Problem
from smi.k8s.document import Document, items, part
from smi.k8s.resource import NamespacedName, Resource
from smi.lists import without_collector

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Undecodable:
    """An object that is stored and that the class of its kind cannot read; `problems` say why.

    Its definition in the cluster is older or more lenient than this package's, or a part of it
    was written by somebody who knew better. It means nothing until somebody mends it.
    """

    kind: str
    key: NamespacedName
    problems: tuple[Problem, ...]

    @property
    def reason(self) -> str:
        """Everything that is wrong, field by field, in one line."""
        return "; ".join(f"{one.field}: {one.message}".lstrip(": ") for one in self.problems)


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """An object as it was at one moment; `version` is its resourceVersion, text without order."""

    key: NamespacedName
    uid: str
    version: str
    value: R | Undecodable


@dataclass(frozen=True, slots=True)
class Listed(Generic[R]):
    """Everything that a list found, as it was at one `version` of the collection.

    A watch `since` it begins with the first change after it.
    """

    found: tuple[Found[R], ...]
    version: str

    @property
    def items(self) -> tuple[R, ...]:
        """The objects that can be read, in the order of the API server: by namespace and name."""
        return tuple(one.value for one in self.found if not isinstance(one.value, Undecodable))

    @property
    def undecodable(self) -> tuple[Undecodable, ...]:
        """The objects that cannot be read."""
        return tuple(one.value for one in self.found if isinstance(one.value, Undecodable))

    def __iter__(self) -> Iterator[R]:
        return iter(self.items)


def decode(kind: type[R], document: Mapping[str, Any]) -> R:
    """The object that `document` describes; raises InvalidResource."""
    # The API server leaves apiVersion and kind out of the items of a list.
    fields = kind.model_fields
    said = {"apiVersion": fields["api_version"].default, "kind": fields["kind"].default}
    return cast("R", scheme.decode(said | dict(document)))


def found(kind: type[R], document: Document) -> Found[R]:
    """An object as the API server sent it, read or not."""
    metadata = part(document, "metadata")
    name, namespace = metadata.get("name"), metadata.get("namespace")
    key = NamespacedName(str(namespace or ""), str(name or ""))
    value: R | Undecodable
    try:
        value = decode(kind, document)
    except InvalidResource as error:
        value = Undecodable(str(kind.model_fields["kind"].default), key, error.problems)
    return Found(key, str(metadata.get("uid", "")), str(metadata.get("resourceVersion", "")), value)


def listed(kind: type[R], page: Document) -> Listed[R]:
    """The objects of a list, or of one page of it."""
    with without_collector():
        objects = tuple(found(kind, item) for item in items(page, "items"))
    return Listed(objects, version_of(page))


def version_of(document: Document) -> str:
    """The resourceVersion of an object, a list or a bookmark; empty where there is none."""
    return str(part(document, "metadata").get("resourceVersion", ""))
