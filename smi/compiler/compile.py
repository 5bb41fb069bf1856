"""ClusterState → Mesh + Diagnostics, from scratch or from what changed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from smi.compiler import (
    access_log,
    access_rules,
    addresses,
    callers,
    damage,
    destinations,
    grants,
    identities,
    matches,
    modes,
    names,
    outbound,
    protocols,
    routes,
    services,
    workloads,
)
from smi.compiler.findings import Judged
from smi.compiler.memo import Key, Memo
from smi.compiler.state import ClusterState, Entry, ResourceKey, entries
from smi.k8s.resource import Resource
from smi.model.diagnostic import Diagnostic
from smi.model.mesh import Mesh, changes

_RULES: Final[Mapping[str, Any]] = {
    "workload": workloads.workload,
    "access log": access_log.access_log,
    "injection": workloads.injection,
    "service": services.service,
    "declared": protocols.declared,
    "spoken": protocols.spoken,
    "stands open": services.stands_open,
    "service without selector": addresses.service_without_selector,
    "services listing pod": addresses.services_listing_pod,
    "slice": addresses.endpoint_slice,
    "endpoints": addresses.endpoints,
    "services of pod": services.services_of_pod,
    "target ports of pod": services.target_ports_of_pod,
    "target ports": destinations.target_ports,
    "pods of destination": destinations.pods_of_destination,
    "unmeshed pods of destination": destinations.unmeshed_pods_of_destination,
    "HTTPRouteGroup matches": matches.http_matches,
    "mode": modes.mode,
    "open services": modes.open_services,
    "unmeshed services": modes.unmeshed_services,
    "namespace": modes.namespace,
    "members": identities.members,
    "grant": grants.grant,
    "effect": grants.effect,
    "incomplete": damage.incomplete,
    "inbound": access_rules.inbound,
    "split": routes.split,
    "routes": routes.routes,
    "callers": callers.callers,
    "refused": callers.refused,
    "named pods": names.named_pods,
    "external name": names.external_name,
    "external names": names.external_names,
    "identities by label": identities.identities_by_label,
    "services of destination": destinations.services_of_destination,
    "outbound": outbound.outbound,
}

_UNITS_OF_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "Namespace": ("namespace",),
    "Pod": ("workload", "access log"),
    "Service": ("service", "declared", "routes"),
    "EndpointSlice": ("slice",),
    "Endpoints": ("endpoints",),
    "HTTPRouteGroup": ("HTTPRouteGroup matches",),
    "IdentityBinding": ("members",),
    "TrafficTarget": ("grant", "effect"),
    "TrafficSplit": ("split", "refused"),
}
"""The units that stand for an object of a kind as long as the object is there."""


@dataclass(frozen=True, slots=True)
class Compilation:
    """A mesh and what was found wrong on the way to it."""

    mesh: Mesh
    _found: Mapping[Key, tuple[Diagnostic, ...]] = field(default_factory=dict, repr=False)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything found, most severe first, then by object."""
        every = {diagnostic for found in self._found.values() for diagnostic in found}
        return tuple(sorted(every, key=lambda d: (_RANK[d.severity], d)))


_RANK: Final = {"error": 0, "warning": 1, "info": 2}


def compile(state: ClusterState) -> Compilation:  # noqa: A001 - the field's word for it
    """The mesh that `state` describes, and what is wrong with the objects that it is read from.

    Nothing that was decoded raises: what cannot mean what it says grants nothing, and is told.
    """
    return Compiler().update(state)


class Compiler:
    """Owns what was worked out for the last state, so that the next one costs what it changed.

    `update` gives the same result as `compile` of the same state. Beyond scanning for objects that
    are not the same ones as before, its work depends on what the changed objects touch, not on the
    size of the mesh.
    """

    def __init__(self) -> None:
        self._memo = Memo(_RULES)
        self._state = ClusterState({}, {}, "")
        self._units: dict[Key, Any] = {}  # the value of every unit that is asked for
        self._found: dict[Key, tuple[Diagnostic, ...]] = {}
        self._members: Counter[Key] = Counter()  # how many workloads want a policy or an outbound
        self._mesh = Mesh("", {}, {}, {}, {}, {})

    def update(self, state: ClusterState) -> Compilation:
        """The mesh that `state` describes; entries that did not change are the same objects."""
        touched: set[Key] = set()
        self._memo.set(("trust domains",), (state.trust_domain, *state.trust_domain_aliases))
        self._memo.set(("default mode",), state.default_mode)
        for name, loopback in changes(self._state.loopbacks, state.loopbacks):
            self._memo.set(("Loopback", name), loopback)
        for key, resource in changes(self._state.resources, state.resources):
            touched |= self._set(key, self._state.resources.get(key), resource)
        self._state = state
        self._evaluate(touched | (self._memo.take_stale() & self._units.keys()))
        return Compilation(self._mesh, dict(self._found))

    def _set(self, key: ResourceKey, old: Resource | None, new: Resource | None) -> set[Key]:
        """Tell the memo of one object; gives the units that stand for it."""
        units: set[Key] = {(unit, key.name) for unit in _UNITS_OF_KIND.get(key.kind, ())}
        if damage.damage(old) or damage.damage(new):
            self._memo.set(("damage", *key), damage.damage(new))
            units.add(("incomplete", *key))
        if workloads.asks_for_injection(old) or workloads.asks_for_injection(new):
            units.add(("injection", key.name))
        old, new = damage.whole(old), damage.whole(new)
        before = set(entries(old)) if old is not None else set()
        after = set(entries(new)) if new is not None else set()
        for entry in before - after:
            self._list(entry, present=False)
        for entry in after - before:
            self._list(entry, present=True)
        self._memo.set((key.kind, key.name), new)
        return units

    def _list(self, entry: Entry, *, present: bool) -> None:
        """Add to an index, or take away. Namespaces are listed while they hold what matters."""
        before = self._memo.peek(entry.key) or frozenset()
        after = before | {entry.member} if present else before - {entry.member}
        self._memo.set(entry.key, after or None)
        kind, *place = entry.key
        if kind in _LISTED_BY_NAMESPACE and bool(before) is not bool(after):
            self._list(Entry((f"namespaces of {kind}",), place[0]), present=present)

    def _evaluate(self, keys: Iterable[Key]) -> None:
        """Bring `keys`, and the units that workloads call into being, up to date in the mesh."""
        changes: dict[str, dict[Any, Any]] = {}
        units = set(keys)
        for key in sorted((k for k in units if k[0] == "workload"), key=str):
            units |= self._count(key)
        for key in units:
            wanted = key[0] not in {"inbound", "outbound"} or self._members[key] > 0
            value = self._memo.get(key) if wanted else None
            if value is None:
                self._memo.forget(key)
            self._keep(key, value, changes)
        tables = {
            table: _patched(getattr(self._mesh, table), patch) for table, patch in changes.items()
        }
        self._mesh = replace(
            self._mesh,
            trust_domain=self._state.trust_domain,
            trust_domain_aliases=self._state.trust_domain_aliases,
            namespaces=self._memo.peek(("namespaces of services",)) or frozenset(),
            **tables,
        )

    def _count(self, key: Key) -> set[Key]:
        """Follow a workload from one policy group to another; gives the units that it affects."""
        old, new = self._units.get(key), self._memo.get(key)
        affected: set[Key] = set()
        for workload, step in ((old, -1), (new, 1)):
            if workload is not None:
                for unit in (("inbound", workload.group), ("outbound", workload.identity)):
                    self._members[unit] += step
                    affected.add(unit)
        return affected

    def _keep(self, key: Key, value: Any, changes: dict[str, dict[Any, Any]]) -> None:  # noqa: ANN401
        found = value.diagnostics if isinstance(value, Judged) else ()
        if found:
            self._found[key] = found
        else:
            self._found.pop(key, None)
        if value is None:
            self._units.pop(key, None)
            if self._members.get(key) == 0:
                del self._members[key]
        else:
            self._units[key] = value
        table = _TABLES.get(str(key[0]))
        if table is not None:
            changes.setdefault(table, {})[key[1]] = (
                value.value if isinstance(value, Judged) else value
            )


_LISTED_BY_NAMESPACE: Final = {"services", "unmeshed pods", "services without selector"}
"""Indexes by namespace whose namespaces are an index themselves, as `namespaces of services`."""

_TABLES: Final[Mapping[str, str]] = {
    "workload": "workloads",
    "service": "services",
    "routes": "routes",
    "inbound": "inbound",
    "outbound": "outbound",
}
"""Where in the mesh the value of a unit goes."""


def _patched(table: Mapping[Any, Any], patch: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """`table` with `patch` applied; `table` itself, and equal entries, where nothing changed."""
    changed = {k: v for k, v in patch.items() if v is not None and table.get(k) != v}
    gone = [k for k, v in patch.items() if v is None and k in table]
    if not changed and not gone:
        return table
    patched = {**table, **changed}
    for key in gone:
        del patched[key]
    return patched
