"""What a controller says of an object: conditions, as meta/v1 has them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from smi.k8s.document import Document, items
from smi.k8s.resource import OpenResource


@dataclass(frozen=True, slots=True)
class Condition:
    """One statement on an object: `Accepted` is true, because of `reason`, in words `message`.

    `holds` None says that it is not known. `reason` is one CamelCase word, `message` is for people.
    """

    type: str
    holds: bool | None
    reason: str
    message: str = ""


_WRITTEN = {True: "True", False: "False", None: "Unknown"}


def status(resource: OpenResource, conditions: Iterable[Condition], now: str) -> Document:
    """The status that says `conditions` of `resource` as it was read; `now` is RFC 3339 in UTC.

    A condition that holds as it did keeps the time at which it began to. All are said of the
    generation of `resource`: whoever reads them knows whether they are of the latest edit.
    """
    before = _before(resource)
    return {"conditions": [_condition(resource, one, before, now) for one in conditions]}


def _condition(
    resource: OpenResource, said: Condition, before: Mapping[str, Mapping[str, Any]], now: str
) -> Document:
    holds = _WRITTEN[said.holds]
    old = before.get(said.type, {})
    since = old.get("lastTransitionTime") if old.get("status") == holds else None
    return {
        "type": said.type,
        "status": holds,
        "observedGeneration": resource.metadata.generation,
        "lastTransitionTime": since or now,
        "reason": said.reason,
        "message": said.message,
    }


def _before(resource: OpenResource) -> dict[str, Mapping[str, Any]]:
    there = resource.status if isinstance(resource.status, Mapping) else {}
    conditions = items(there, "conditions")
    return {str(one.get("type")): one for one in conditions if isinstance(one, Mapping)}
