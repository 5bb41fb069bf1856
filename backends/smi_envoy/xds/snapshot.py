"""Which resources one proxy must have."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from smi_envoy.xds.resources import Packed, ResourceKey, ResourceName, TypeUrl

_NO_NAMES: frozenset[ResourceName] = frozenset()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The names, per type, that one proxy must have; their contents live in the shared cache.

    The endpoints of a cluster have the cluster's name. Every name must be one that the proxy
    comes to subscribe to: a proxy has settled when it has accepted all of them.
    """

    _names: Mapping[TypeUrl, frozenset[ResourceName]] = field(default_factory=dict)

    @classmethod
    def of(cls, keys: Iterable[ResourceKey]) -> "Snapshot":
        """The snapshot that holds exactly `keys`."""
        names: dict[TypeUrl, set[ResourceName]] = {}
        for key in keys:
            names.setdefault(key.type_url, set()).add(key.name)
        return cls({type_url: frozenset(some) for type_url, some in names.items()})

    def names(self, type_url: TypeUrl) -> frozenset[ResourceName]:
        """The names of one type."""
        return self._names.get(type_url, _NO_NAMES)

    def keys(self) -> Iterator[ResourceKey]:
        """Every key, in no order."""
        for type_url, names in self._names.items():
            for name in names:
                yield ResourceKey(type_url, name)


@dataclass(frozen=True, slots=True)
class View:
    """What one proxy must have at one generation of the cache, and its private secrets beside it.

    `lookup` finds the newest contents of a key, or None. A view answers for no key outside the
    proxy's snapshot and its private secrets, whoever asks.
    """

    generation: int
    snapshot: Snapshot
    lookup: Callable[[ResourceKey], Packed | None]
    private: Mapping[ResourceKey, Packed] = field(default_factory=dict)

    def allows(self, type_url: TypeUrl, name: ResourceName) -> bool:
        """Whether this proxy may have the resource at all."""
        if name in self.snapshot.names(type_url):
            return True
        return ResourceKey(type_url, name) in self.private

    def packed(self, type_url: TypeUrl, name: ResourceName) -> Packed | None:
        """The contents this proxy must have, or None when it must not have the resource."""
        key = ResourceKey(type_url, name)
        if key in self.private:
            return self.private[key]
        return self.lookup(key) if name in self.snapshot.names(type_url) else None

    def names(self, type_url: TypeUrl) -> frozenset[ResourceName]:
        """Every name of one type that this proxy must have, the private ones included."""
        private = (key.name for key in self.private if key.type_url is type_url)
        return self.snapshot.names(type_url).union(private)
