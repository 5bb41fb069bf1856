"""What happens to the objects of a kind, as one view that stays right. Pure but for its own state.

A watch breaks: connections end, servers restart, and what is too old is compacted away. The shell
in `client` connects and waits; what that means for the view is decided here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic

from smi.client.objects import Found, Listed, R, Undecodable, found, version_of
from smi.errors import ClusterError, Unavailable
from smi.k8s.document import Document, part
from smi.k8s.resource import NamespacedName

FIRST_WAIT = 0.5  # seconds, before chance takes up to half of it away
LONGEST_WAIT = 30.0  # seconds; what client-go's reflectors wait at most
_LASTING = 10.0  # seconds after which a connection has been a good one, though nothing happened
# Of connections in a row that bring nothing, each tenth casts doubt on the version: an API server
# whose etcd was restored may never have heard of it, and waits for it in silence.
_DOUBTFUL = 10


class Change(StrEnum):
    """What happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Event(Generic[R]):
    """What happened to one object; `value` is what it is now, or was last where it is gone."""

    change: Change
    key: NamespacedName
    value: R | Undecodable


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection ended, or was refused, after `lasted` seconds.

    `error` is None where the API server ended it in order.
    """

    error: ClusterError | None = None
    lasted: float = 0.0


Input = Listed[R] | Document | Broken


@dataclass(slots=True)
class View(Generic[R]):
    """What is known of the objects of a kind, changed in place: copies would cost what it holds.

    `version` is where a watch goes on from, empty where only a list can tell what there is.
    Of the connections in a row that brought nothing, `quiet` counts all and `failures` those that
    did not last.
    """

    kind: type[R]
    known: dict[NamespacedName, Found[R]] = field(default_factory=dict)
    version: str = ""
    failures: int = 0
    quiet: int = 0

    @classmethod
    def of(cls, kind: type[R], since: Listed[R]) -> "View[R]":
        """What is known from a list that the caller has seen."""
        return cls(kind, {one.key: one for one in since.found}, since.version)


def step(view: View[R], happened: Input[R]) -> list[Event[R]]:
    """Let `view` know what happened, and say what that means to somebody who trusts it."""
    match happened:
        case Listed():
            events = list(_differences(view, happened))
            view.known = {one.key: one for one in happened.found}
            view.version = happened.version
            return events
        case Broken(error, lasted):
            view.failures = 1 if lasted >= _LASTING else view.failures + 1
            view.quiet += 1
            is_refused = error is not None and not isinstance(error, Unavailable)
            if is_refused or view.quiet % _DOUBTFUL == 0:
                view.version = ""
            return []
        case document:
            view.failures = view.quiet = 0
            return list(_change(view, document))


def wait(view: View[R], error: ClusterError | None, chance: float) -> float:
    """How many seconds to leave the API server alone; `chance` is between 0 and 1."""
    # The exponent is bounded before the power is: 2^10000 is no float.
    doubled: float = FIRST_WAIT * 2 ** min(view.failures - 1, 10)
    own = min(doubled, LONGEST_WAIT) * (1 + chance) / 2
    asked = (error.retry_after or 0.0) if isinstance(error, Unavailable) else 0.0
    return max(own, min(asked, LONGEST_WAIT))


def _differences(view: View[R], listed: Listed[R]) -> Iterator[Event[R]]:
    now = {one.key: one for one in listed.found}
    for key, old in view.known.items():
        if key not in now or now[key].uid != old.uid:
            yield Event(Change.DELETED, key, old.value)
    for key, new in now.items():
        known = view.known.get(key)
        if known is None or known.uid != new.uid:
            yield Event(Change.ADDED, key, new.value)
        elif known.version != new.version:
            yield Event(Change.MODIFIED, key, new.value)


def _change(view: View[R], document: Document) -> Iterator[Event[R]]:
    change, written = document.get("type"), part(document, "object")
    # A bookmark is an object with a version and nothing else.
    view.version = version_of(written) or view.version
    if change not in tuple(Change):
        return
    new = found(view.kind, written)
    if change == Change.DELETED:
        if view.known.pop(new.key, None) is not None:
            yield Event(Change.DELETED, new.key, new.value)
        return
    known = view.known.get(new.key)
    view.known[new.key] = new
    if known is not None and known.version == new.version:
        return
    yield Event(Change.ADDED if known is None else Change.MODIFIED, new.key, new.value)
