"""From one mesh to the next, in proportion to what changed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from smi.k8s.resource import NamespacedName
from smi.model.identity import PodUid, ServiceIdentity
from smi.model.mesh import Mesh, changes
from smi.model.workload import PolicyGroup, Workload
from smi_envoy.translate import proxy
from smi_envoy.translate.parts import NAMESPACES, Entry, Part, Side, Table, World
from smi_envoy.xds.resources import ProxyId, ResourceKey, version_of
from smi_envoy.xds.snapshot import Snapshot

Key = TypeVar("Key", NamespacedName, ServiceIdentity, PolicyGroup)


class Change(NamedTuple):
    """What to publish: serialised messages and snapshots, `None` for what is gone."""

    resources: Mapping[ResourceKey, bytes | None]
    snapshots: Mapping[ProxyId, Snapshot | None]


class Update(NamedTuple):
    """One change of the mesh, in two steps.

    No client calls what no server expects yet, no server answers whom it must not any more:
    `servers` comes first; `clients` when the proxies that it touched have accepted it. Before
    both, the streams of `replaced` end: their names are those of other pods now.
    """

    replaced: frozenset[ProxyId]
    servers: Change
    clients: Change


class _Proxy(NamedTuple):
    server: frozenset[Part]
    client: frozenset[Part]

    @property
    def parts(self) -> frozenset[Part]:
        return self.server | self.client


_Proxies = Mapping[NamespacedName, _Proxy | None]

_NOWHERE = proxy.reach(None)
_NOTHING = _Proxy(frozenset(), frozenset())
_EMPTY = Mesh("", {}, {}, {}, {}, {})


class Translator:
    """Owns the memo between meshes: the parts in use, what they read, and their contents' hashes.

    It lives as long as the cache that its updates are applied to, all of them and in order.
    `trust` holds the certificates (PEM) of the mesh's CAs, the oldest first.
    """

    def __init__(self, trust: str) -> None:
        self._trust = trust
        self._mesh = _EMPTY
        self._proxies: dict[NamespacedName, _Proxy] = {}
        self._pods: dict[ServiceIdentity, set[NamespacedName]] = {}
        self._reach: dict[ServiceIdentity, proxy.Reach] = {}
        self._uses: Counter[Part] = Counter()
        self._reads: dict[Part, frozenset[Entry]] = {}
        self._readers: dict[Entry, set[Part]] = {}
        self._versions: dict[ResourceKey, str] = {}

    def update(self, mesh: Mesh, trust: str | None = None) -> Update:
        """What changes for whom when `mesh`, and `trust` if given, take the place of the old."""
        old, self._mesh = self._mesh, mesh
        entries = changed_entries(old, mesh)
        replaced, restaffed = self._sort_pods(old, entries)
        entries |= {Entry(Table.PODS, identity) for identity in restaffed}
        stale = {part for entry in entries for part in self._readers.get(entry, ())}
        if old.trust_domains != mesh.trust_domains or trust not in {None, self._trust}:
            stale = set(self._reads)  # any part may name an identity or verify a certificate
        self._trust = trust or self._trust
        after = self._needs(entries)
        before = {name: None if name in replaced else self._proxies.get(name) for name in after}
        added, dropped = self._count(after)
        removed = self._drop(dropped)
        servers, clients = self._build((stale - dropped) | added)
        return Update(
            frozenset(map(str, replaced)),
            Change(servers, _server_snapshots(before, after)),
            Change(removed | clients, _client_snapshots(before, after)),
        )

    def _sort_pods(
        self, old: Mesh, entries: Iterable[Entry]
    ) -> tuple[set[NamespacedName], set[ServiceIdentity]]:
        """Keep pods by identity.

        Returns the names of proxies that another pod bears than before, and the identities that
        other pods have than before.
        """
        replaced, restaffed = set(), set()
        for name in _names(entries):
            was, now = old.workloads.get(name), self._mesh.workloads.get(name)
            if was:
                self._pods[was.identity].discard(name)
            if now:
                self._pods.setdefault(now.identity, set()).add(name)
            if was and was.meshed and now and _token_of(was) != _token_of(now):
                replaced.add(name)
            if _who(was) != _who(now):
                restaffed |= {pod.identity for pod in (was, now) if pod}
        return replaced, restaffed

    def _needs(self, entries: Iterable[Entry]) -> _Proxies:
        """What every proxy that `entries` concern needs now; `None` for one that is gone."""
        concerned = set(_names(entries))
        for table, key in entries:
            if table is Table.OUTBOUND and isinstance(key, ServiceIdentity):
                was = self._reach.get(key, _NOWHERE)
                now = self._reach[key] = proxy.reach(self._mesh.outbound.get(key))
                if now == _NOWHERE:
                    del self._reach[key]
                if now != was:
                    concerned |= self._pods.get(key, set())
        return {name: self._needed(name) for name in concerned}

    def _needed(self, name: NamespacedName) -> _Proxy | None:
        workload = self._mesh.workloads.get(name)
        if workload is None or not workload.meshed:
            return None
        reach = self._reach.get(workload.identity, _NOWHERE)
        return _Proxy(proxy.server_parts(workload), proxy.client_parts(workload, reach))

    def _count(self, after: _Proxies) -> tuple[set[Part], set[Part]]:
        """Note what proxies need. Returns the parts that came into use, and those that left it."""
        difference: Counter[Part] = Counter()
        for name, now in after.items():
            difference.update((now or _NOTHING).parts)
            difference.subtract(self._proxies.pop(name, _NOTHING).parts)
            if now:
                self._proxies[name] = now
        used = {part for part in difference if self._uses[part] > 0}
        self._uses.update(difference)
        kept = {part for part in difference if self._uses[part] > 0}
        for part in difference.keys() - kept:
            del self._uses[part]
        return kept - used, used - kept

    def _build(
        self, parts: Iterable[Part]
    ) -> tuple[dict[ResourceKey, bytes | None], dict[ResourceKey, bytes | None]]:
        """The resources of `parts` whose contents are new: those for servers, those for clients."""
        found: dict[Side, dict[ResourceKey, bytes | None]] = {side: {} for side in Side}
        world = World(self._mesh, self._trust, self._pods)
        for part in parts:
            self._index(part, part.reads(self._mesh))
            for key, message in zip(part.keys, part.build(world), strict=True):
                data = message.SerializeToString(deterministic=True)
                version = version_of(data)
                if self._versions.get(key) != version:
                    self._versions[key] = version
                    found[part.side][key] = data
        return found[Side.SERVER], found[Side.CLIENT]

    def _drop(self, parts: Iterable[Part]) -> dict[ResourceKey, bytes | None]:
        for part in parts:
            self._index(part, frozenset())
            del self._reads[part]
        keys = [key for part in parts for key in part.keys]
        for key in keys:
            del self._versions[key]
        return dict.fromkeys(keys)

    def _index(self, part: Part, entries: frozenset[Entry]) -> None:
        before = self._reads.get(part, frozenset())
        self._reads[part] = entries
        for entry in entries - before:
            self._readers.setdefault(entry, set()).add(part)
        for entry in before - entries:
            self._readers[entry].discard(part)
            if not self._readers[entry]:
                del self._readers[entry]


def changed_entries(old: Mesh, new: Mesh) -> frozenset[Entry]:
    """The entries that are not the same objects in both meshes."""
    return frozenset(
        (
            *_entries(Table.WORKLOADS, old.workloads, new.workloads),
            *_entries(Table.SERVICES, old.services, new.services),
            *_entries(Table.ROUTES, old.routes, new.routes),
            *_entries(Table.INBOUND, old.inbound, new.inbound),
            *_entries(Table.OUTBOUND, old.outbound, new.outbound),
            *({NAMESPACES} if old.namespaces != new.namespaces else ()),
        )
    )


def _entries(table: Table, old: Mapping[Key, object], new: Mapping[Key, object]) -> Iterator[Entry]:
    return (Entry(table, key) for key, _ in changes(old, new))


def _token_of(pod: Workload) -> tuple[PodUid, str]:
    """What the token of a proxy is bound to."""
    return pod.uid, pod.account_uid


def _who(pod: Workload | None) -> tuple[PodUid, ServiceIdentity] | None:
    return (pod.uid, pod.identity) if pod else None


def _names(entries: Iterable[Entry]) -> Iterator[NamespacedName]:
    for table, key in entries:
        if table is Table.WORKLOADS and isinstance(key, NamespacedName):
            yield key


def _server_snapshots(before: _Proxies, after: _Proxies) -> dict[ProxyId, Snapshot | None]:
    """The new server's side with the old client's side, where the former changes."""
    found: dict[ProxyId, Snapshot | None] = {}
    for name, now in after.items():
        was = before[name] or _NOTHING
        if now and now.server != was.server:
            found[str(name)] = proxy.snapshot(now.server | was.client)
    return found


def _client_snapshots(before: _Proxies, after: _Proxies) -> dict[ProxyId, Snapshot | None]:
    """The whole, where the client's side changes; `None` for a proxy that is gone."""
    found: dict[ProxyId, Snapshot | None] = {}
    for name, now in after.items():
        was = before[name]
        if now is None:
            if was is not None:
                found[str(name)] = None
        elif was is None or now.client != was.client:
            found[str(name)] = proxy.snapshot(now.parts)
    return found
