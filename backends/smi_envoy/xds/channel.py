"""The way from the cache to one stream: the latest value, never a queue."""

import asyncio
from collections.abc import Iterable
from enum import Enum

from smi_envoy.xds.resources import ResourceKey


class Ending(Enum):
    """Why a stream ended."""

    CLOSED = "closed by the proxy"
    CROWDED = "too many streams of the proxy are open"
    EXPIRED = "token expired"
    FLOODED = "too many requests unread"
    FOREIGN_NODE = "node.id is not the proxy that the token proves"
    MALFORMED = "request is not a DeltaDiscoveryRequest"
    REMOVED = "proxy is no longer known"
    REPLACED = "another stream of the same proxy opened"
    STOPPING = "server is stopping"


class Channel:
    """Owns what one stream has yet to look at, until the stream takes it.

    Bounded by the proxy's resources, however slow the stream is. `wake` is set whenever there is
    something to look at.
    """

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.ending: Ending | None = None
        self.changed = True
        self._dirty: set[ResourceKey] | None = None  # None: anything may differ

    def mark(self, keys: Iterable[ResourceKey]) -> None:
        """`keys` changed, or came into or left the snapshot."""
        if self._dirty is not None:
            self._dirty.update(keys)
        self.changed = True
        self.wake.set()

    def take(self) -> frozenset[ResourceKey] | None:
        """The keys marked since the last call; None the first time: anything may differ."""
        taken = None if self._dirty is None else frozenset(self._dirty)
        self._dirty = set()
        self.changed = False
        return taken

    def end(self, ending: Ending) -> None:
        """Tell the stream to end; the first reason stands."""
        self.ending = self.ending or ending
        self.wake.set()
