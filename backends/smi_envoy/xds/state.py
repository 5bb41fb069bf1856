"""The state of one delta ADS stream, what happens to it, and what its shell then does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from smi_envoy.xds.resources import Packed, ResourceKey, ResourceName, TypeUrl
from smi_envoy.xds.snapshot import View
from smi_envoy.xds.subscription import Request, Subscription

_NO_NAMES: frozenset[ResourceName] = frozenset()


class Gate(Enum):
    """What a change may have to wait for."""

    MAKE = "make"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class Received:
    """The client sent a request."""

    request: Request


@dataclass(frozen=True, slots=True)
class Changed:
    """The view is another one; it may differ from the last in `dirty`, or anywhere if None."""

    view: View
    dirty: frozenset[ResourceKey] | None = None


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The gate in `State.waiting` stayed shut for too long."""


Event = Received | Changed | TimedOut


@dataclass(frozen=True, slots=True)
class Send:
    """Send one response."""

    type_url: TypeUrl
    nonce: str
    resources: tuple[Packed, ...]
    removed: tuple[ResourceName, ...]


@dataclass(frozen=True, slots=True)
class Acked:
    """The client accepted its outstanding response of this type."""

    type_url: TypeUrl


@dataclass(frozen=True, slots=True)
class Nacked:
    """The client refused a response that carried `names`."""

    type_url: TypeUrl
    names: tuple[ResourceName, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """The client asked for a resource that its snapshot does not give it; it is not answered."""

    type_url: TypeUrl
    name: ResourceName


Action = Send | Acked | Nacked | Foreign


@dataclass(frozen=True, slots=True)
class State:
    """One stream. `view` is None until the proxy has a snapshot; nothing is sent before.

    `awaited` are clusters sent whose endpoints the client has not accepted since.
    """

    view: View | None = None
    subscriptions: Mapping[TypeUrl, Subscription] = field(default_factory=dict)
    awaited: frozenset[ResourceName] = _NO_NAMES
    waiting: Gate | None = None
    nonces: int = 0

    @property
    def settled(self) -> bool:
        """Whether the client has accepted, or finally refused, all that it must have."""
        if self.view is None or not all(sub.quiet for sub in self.subscriptions.values()):
            return False
        if self.refused is not None:
            return True  # what hangs on the refused resource, nobody asks for
        return all(
            self.view.snapshot.names(type_url) <= self._held(type_url).keys()
            for type_url in TypeUrl
        )

    @property
    def refused(self) -> str | None:
        """The first refusal that stands, with the name it is about, or None."""
        for type_url in TypeUrl:
            if type_url in self.subscriptions:
                refusals = self.subscriptions[type_url].refused
                for name in sorted(refusals):
                    return f"{type_url.name.lower()} {name}: {refusals[name].message}"
        return None

    def _held(self, type_url: TypeUrl) -> Mapping[ResourceName, str]:
        found = self.subscriptions.get(type_url)
        return {} if found is None else found.held
