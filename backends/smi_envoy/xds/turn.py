"""The responses of one step, as the gates and the outstanding ones allow them.

A wake of many types goes out in the order of `TypeUrl`. Two gates keep a proxy whole meanwhile:

- MAKE holds listeners and routes until every cluster, endpoint and secret response is answered and
  every cluster sent has its endpoints; a route that the client does not hold passes at once,
  since a listener waits for it.
- BREAK holds the removal of clusters, endpoints and secrets, and what leaves a cluster without
  endpoints or trust in any, until the listeners and routes that stopped using them are accepted.
"""

from collections.abc import Mapping
from dataclasses import replace

from smi_envoy.xds import subscription as subscriptions
from smi_envoy.xds.resources import Packed, ResourceName, TypeUrl
from smi_envoy.xds.snapshot import View
from smi_envoy.xds.state import Gate, Send, State
from smi_envoy.xds.subscription import Due, Sent

_MAKE = (TypeUrl.CLUSTER, TypeUrl.ENDPOINT, TypeUrl.SECRET)
_MOVE = (TypeUrl.LISTENER, TypeUrl.ROUTE)
_NO_NAMES: frozenset[ResourceName] = frozenset()


class Turn:
    """Owns the changes of one step while it fills responses; ends with the step."""

    def __init__(self, before: State, view: View, lifted: Gate | None) -> None:
        self.sends: list[Send] = []
        self._before = before
        self._view = view
        self._lifted = lifted
        self._subs = dict(before.subscriptions)
        self._awaited = before.awaited
        self._nonces = before.nonces

    def state(self) -> State:
        return replace(
            self._before,
            subscriptions=self._subs,
            awaited=self._awaited,
            waiting=self._waiting(),
            nonces=self._nonces,
        )

    def advance(self) -> None:
        """Send everything that the gates let through and that has no response outstanding."""
        for type_url in _MAKE:
            due = self._plan(type_url)
            if due is not None:
                self._send(type_url, Due(self._making(type_url, due.upserts), _NO_NAMES))
        self._move()
        if any(self._unsent(type_url) for type_url in _MAKE) and self._moved():
            for type_url in _MAKE:
                due = self._plan(type_url)
                if due is not None:
                    self._send(type_url, due)

    def _making(
        self, type_url: TypeUrl, upserts: Mapping[ResourceName, Packed]
    ) -> Mapping[ResourceName, Packed]:
        """Those of `upserts` that take nothing away from routes that the client still has."""
        sub = self._subs[type_url]
        return {
            name: packed
            for name, packed in upserts.items()
            if not packed.is_empty or name not in sub.held or name in sub.again
        }

    def _move(self) -> None:
        listeners, routes = self._plan(TypeUrl.LISTENER), self._plan(TypeUrl.ROUTE)
        if self._made() and listeners is not None:
            self._send(TypeUrl.LISTENER, listeners)
        if routes is None:
            return
        if self._made() and not self._unsent(TypeUrl.LISTENER):
            self._send(TypeUrl.ROUTE, routes)
            return
        sub = self._subs[TypeUrl.ROUTE]
        needed = {
            name: packed
            for name, packed in routes.upserts.items()
            if name not in sub.held or name in sub.again
        }
        if needed:
            self._send(TypeUrl.ROUTE, Due(needed, _NO_NAMES))

    def _plan(self, type_url: TypeUrl) -> Due | None:
        """What is due, or None while a response is outstanding."""
        sub = self._subs.get(type_url)
        if sub is None or sub.sent is not None:
            return None
        if not sub.due:
            return Due({}, _NO_NAMES)
        self._subs[type_url], due = subscriptions.planned(sub, type_url, self._view)
        return due

    def _send(self, type_url: TypeUrl, due: Due) -> None:
        sub = self._subs[type_url]
        upserts = subscriptions.batch(sub, due.upserts)
        if not upserts and not due.removals and not sub.owed:
            return
        self._nonces += 1
        nonce = str(self._nonces)
        names = sorted(upserts)
        versions = {name: upserts[name].version for name in names}
        self._subs[type_url] = subscriptions.delivered(sub, Sent(nonce, versions, due.removals))
        resources = tuple(upserts[name] for name in names)
        self.sends.append(Send(type_url, nonce, resources, tuple(sorted(due.removals))))
        if type_url is TypeUrl.CLUSTER:
            self._await_endpoints(frozenset(names), due.removals)

    def _await_endpoints(
        self, sent: frozenset[ResourceName], removed: frozenset[ResourceName]
    ) -> None:
        """A cluster that Envoy adds or updates stays in warming until endpoints arrive.

        For an updated one it does not ask again, since it is subscribed already.
        """
        self._awaited = self._awaited - removed | sent
        endpoints = self._subs.get(TypeUrl.ENDPOINT)
        if endpoints is not None:
            self._subs[TypeUrl.ENDPOINT] = subscriptions.repeated(endpoints, sent)

    def _made(self) -> bool:
        if self._lifted is Gate.MAKE:
            return True
        if any(self._view.allows(TypeUrl.ENDPOINT, name) for name in self._awaited):
            return False
        return all(self._answered(type_url) for type_url in _MAKE)

    def _moved(self) -> bool:
        if self._lifted is Gate.BREAK:
            return True
        if self._lifted is not None or not self._made():
            return False
        if any(self._unsent(t) or not self._answered(t) for t in _MOVE):
            return False
        routes = self._subs.get(TypeUrl.ROUTE)
        wanted = self._view.snapshot.names(TypeUrl.ROUTE)
        return wanted <= ({} if routes is None else routes.held).keys()

    def _answered(self, type_url: TypeUrl) -> bool:
        return type_url not in self._subs or self._subs[type_url].sent is None

    def _unsent(self, type_url: TypeUrl) -> bool:
        sub = self._subs.get(type_url)
        return sub is not None and sub.sent is None and bool(sub.due or sub.owed)

    def _waiting(self) -> Gate | None:
        if any(self._unsent(type_url) for type_url in _MOVE):
            return Gate.MAKE
        if any(self._unsent(type_url) for type_url in _MAKE):
            return Gate.BREAK
        return None
