"""The contents shared by all proxies, what each must have, and how far each has come."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from smi_envoy.xds.channel import Channel, Ending
from smi_envoy.xds.resources import Packed, ProxyId, ResourceKey, pack, version_of
from smi_envoy.xds.snapshot import Snapshot, View


@dataclass(frozen=True, slots=True)
class Ack:
    """How far one proxy has come.

    `generation` is the newest one whose contents it has accepted whole; `pending` means that an
    answer is still to come; `refused` is the message of a refusal that stands, or None.
    """

    generation: int
    pending: bool
    refused: str | None
    connected: bool


@dataclass(slots=True)
class _Proxy:
    """`target` is the last generation that changed something for this proxy."""

    snapshot: Snapshot
    target: int
    accepted: int = 0
    pending: bool = True
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class _Waiter:
    proxies: set[ProxyId]
    absent: bool
    done: asyncio.Event


class Cache:
    """Owns the contents, the snapshot of every proxy, and the channels of connected streams.

    One event loop uses it; nothing in it blocks or waits but `settled`.
    """

    def __init__(self) -> None:
        self._generation = 0
        self._contents: dict[ResourceKey, Packed] = {}
        self._holders: dict[ResourceKey, set[ProxyId]] = {}
        self._proxies: dict[ProxyId, _Proxy] = {}
        self._channels: dict[ProxyId, Channel] = {}
        self._waiters: list[_Waiter] = []

    def apply(
        self,
        resources: Mapping[ResourceKey, bytes | None],
        snapshots: Mapping[ProxyId, Snapshot | None],
    ) -> frozenset[ProxyId]:
        """Publish serialised messages and snapshots; None removes. Equal values change nothing.

        Returns the proxies that have something to accept because of it, and wakes their streams
        and no others; the stream of a removed proxy ends. Work is in proportion to what is given
        and to the proxies it touches.
        """
        dirty: dict[ProxyId, set[ResourceKey]] = {}
        changed = [key for key, message in resources.items() if self._put(key, message)]
        for key in changed:
            for proxy_id in self._holders.get(key, ()):
                dirty.setdefault(proxy_id, set()).add(key)
        removed = False
        for proxy_id, snapshot in snapshots.items():
            if snapshot is None:
                removed = self._remove(proxy_id) or removed
                dirty.pop(proxy_id, None)
            else:
                difference = self._assign(proxy_id, snapshot)
                if difference is not None:
                    dirty.setdefault(proxy_id, set()).update(difference)
        if changed or dirty or removed:
            self._generation += 1
        for proxy_id, keys in dirty.items():
            self._wake(proxy_id, keys)
        return frozenset(dirty)

    def renew(self, key: ResourceKey) -> None:
        """Every proxy has another private resource `key` to accept."""
        self._generation += 1
        for proxy_id in self._proxies:
            self._wake(proxy_id, {key})

    @property
    def generation(self) -> int:
        """Counts the changes."""
        return self._generation

    def acknowledgements(self) -> Mapping[ProxyId, Ack]:
        """How far every proxy that has a snapshot has come."""
        return {proxy_id: self._ack(proxy_id, proxy) for proxy_id, proxy in self._proxies.items()}

    async def settled(
        self,
        proxies: Iterable[ProxyId],
        timeout: float,  # noqa: ASYNC109 - what is late is an answer here, not an error
        *,
        absent: bool = False,
    ) -> frozenset[ProxyId]:
        """Wait until each of `proxies` has once had nothing left to answer.

        One that is unknown or not connected has nothing to answer, or, if `absent` ones are to be
        waited for, everything. Returns those that were late after `timeout` seconds.
        """
        waited = {p for p in proxies if self._unsettled(p, absent=absent)}
        waiter = _Waiter(waited, absent, asyncio.Event())
        if not waiter.proxies:
            return frozenset()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter.done.wait()
        except TimeoutError:
            pass
        finally:
            self._waiters.remove(waiter)
        return frozenset(waiter.proxies)

    def attach(self, proxy_id: ProxyId) -> Channel:
        """Open the channel of a new stream of `proxy_id`; a stream it already has ends."""
        before = self._channels.get(proxy_id)
        if before is not None:
            before.end(Ending.REPLACED)
        channel = self._channels[proxy_id] = Channel()
        proxy = self._proxies.get(proxy_id)
        if proxy is not None:
            self._begin(proxy, self._generation)
        return channel

    def detach(self, proxy_id: ProxyId, channel: Channel) -> None:
        """Close the channel of a stream that ended; one that replaced it stays."""
        if self._channels.get(proxy_id) is channel:
            del self._channels[proxy_id]
            self._release(proxy_id)

    def view(self, proxy_id: ProxyId) -> View | None:
        """What the proxy must have now, or None when it has no snapshot."""
        proxy = self._proxies.get(proxy_id)
        if proxy is None:
            return None
        return View(self._generation, proxy.snapshot, self._contents.get)

    def report(
        self, proxy_id: ProxyId, generation: int, *, settled: bool, refused: str | None
    ) -> None:
        """A stream tells how far its proxy has come with the view of `generation`."""
        proxy = self._proxies.get(proxy_id)
        if proxy is None:
            return
        proxy.refused = refused
        proxy.pending = not settled or generation < proxy.target
        if not proxy.pending:
            if refused is None:
                proxy.accepted = generation
            self._release(proxy_id)

    def _ack(self, proxy_id: ProxyId, proxy: _Proxy) -> Ack:
        return Ack(
            proxy.accepted if proxy.pending or proxy.refused else self._generation,
            proxy.pending,
            proxy.refused,
            proxy_id in self._channels,
        )

    def _put(self, key: ResourceKey, message: bytes | None) -> bool:
        if message is None:
            return self._contents.pop(key, None) is not None
        before = self._contents.get(key)
        if before is not None and before.version == version_of(message):
            return False
        self._contents[key] = pack(key, message)
        return True

    def _assign(self, proxy_id: ProxyId, snapshot: Snapshot) -> set[ResourceKey] | None:
        """The keys by which the proxy's snapshot changes, or None when it is the same."""
        proxy = self._proxies.get(proxy_id)
        if proxy is None:
            self._proxies[proxy_id] = _Proxy(snapshot, target=self._generation + 1)
            gained, lost = set(snapshot.keys()), set[ResourceKey]()
        elif proxy.snapshot == snapshot:
            return None
        else:
            before, after = set(proxy.snapshot.keys()), set(snapshot.keys())
            gained, lost = after - before, before - after
            proxy.snapshot = snapshot
        for key in gained:
            self._holders.setdefault(key, set()).add(proxy_id)
        self._let_go(proxy_id, lost)
        return gained | lost

    def _let_go(self, proxy_id: ProxyId, keys: Iterable[ResourceKey]) -> None:
        for key in keys:
            holders = self._holders[key]
            holders.remove(proxy_id)
            if not holders:
                del self._holders[key]

    def _remove(self, proxy_id: ProxyId) -> bool:
        proxy = self._proxies.pop(proxy_id, None)
        if proxy is None:
            return False
        self._let_go(proxy_id, proxy.snapshot.keys())
        channel = self._channels.pop(proxy_id, None)
        if channel is not None:
            channel.end(Ending.REMOVED)
        self._release(proxy_id)
        return True

    def _wake(self, proxy_id: ProxyId, keys: Iterable[ResourceKey]) -> None:
        proxy = self._proxies[proxy_id]
        self._begin(proxy, self._generation - 1)
        proxy.target = self._generation
        channel = self._channels.get(proxy_id)
        if channel is not None:
            channel.mark(keys)

    def _begin(self, proxy: _Proxy, accepted: int) -> None:
        """The proxy has something to answer again; until now it was whole up to `accepted`."""
        if not proxy.pending and proxy.refused is None:
            proxy.accepted = accepted
        proxy.pending = True

    def _unsettled(self, proxy_id: ProxyId, *, absent: bool) -> bool:
        proxy = self._proxies.get(proxy_id)
        if proxy is None or proxy_id not in self._channels:
            return absent
        return proxy.pending

    def _release(self, proxy_id: ProxyId) -> None:
        """Let those go on who waited for this proxy alone, if it has settled."""
        for waiter in self._waiters:
            if not self._unsettled(proxy_id, absent=waiter.absent):
                waiter.proxies.discard(proxy_id)
                if not waiter.proxies:
                    waiter.done.set()
