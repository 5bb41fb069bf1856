"""One resource type on one stream: what the client asked for, has, refused, and is still due."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from smi_envoy.xds.resources import Packed, ResourceName, TypeUrl
from smi_envoy.xds.snapshot import View

WILDCARD = ResourceName("*")

_UNKNOWN_VERSION = ""  # the client has some version of it, or none: a NACK does not tell
_NOTHING: frozenset[ResourceName] = frozenset()
# > For Listener and Cluster resource types, there is also a "wildcard" subscription, which is
# > triggered when subscribing to the special name `*`. [...] if the first request on the stream
# > for a resource type contains no resource names, the server should treat that identically.
# (xDS protocol, "How the client specifies what resources to return")
_WILDCARD_TYPES = frozenset({TypeUrl.CLUSTER, TypeUrl.LISTENER})


@dataclass(frozen=True, slots=True)
class Request:
    """The fields of a DeltaDiscoveryRequest that matter after authentication.

    `versions` is the client's own word of what it holds, on its first request of a type;
    `nonce` is empty unless the request answers a response; `error` is set when it refuses it.
    """

    type_url: TypeUrl
    subscribe: frozenset[ResourceName] = _NOTHING
    unsubscribe: frozenset[ResourceName] = _NOTHING
    versions: Mapping[ResourceName, str] = field(default_factory=dict)
    nonce: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A response that the client has not answered yet."""

    nonce: str
    versions: Mapping[ResourceName, str]
    removed: frozenset[ResourceName]


class Refusal(NamedTuple):
    """The version that the client refused, and why."""

    version: str
    message: str


class Due(NamedTuple):
    """What separates the client from the view, in sendable form."""

    upserts: Mapping[ResourceName, Packed]
    removals: frozenset[ResourceName]


@dataclass(frozen=True, slots=True)
class Subscription:
    """The state of one type.

    `held` is what the client has, by its ACKs or its own word. `due` are the names whose state at
    the client may differ from the view; of those, `again` go out even if it holds them, and
    `alone` one by one, since a response with several of them was refused. `owed` means that the
    first request of the type is unanswered: it is answered even with nothing, so that the
    client's initialisation proceeds.
    """

    wildcard: bool
    names: frozenset[ResourceName]
    held: Mapping[ResourceName, str]
    due: frozenset[ResourceName]
    again: frozenset[ResourceName] = _NOTHING
    alone: frozenset[ResourceName] = _NOTHING
    refused: Mapping[ResourceName, Refusal] = field(default_factory=dict)
    sent: Sent | None = None
    owed: bool = True

    def wants(self, name: ResourceName) -> bool:
        """Whether the client asked for `name`."""
        return self.wildcard or name in self.names

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to send and nothing to wait for."""
        return self.sent is None and not self.due and not self.owed


def opened(request: Request) -> Subscription:
    """The subscription that the first request of a type opens."""
    implicit = request.type_url in _WILDCARD_TYPES and not request.subscribe
    wildcard = implicit or WILDCARD in request.subscribe
    names = request.subscribe - {WILDCARD}
    held = {n: v for n, v in request.versions.items() if wildcard or n in names}
    return Subscription(wildcard, names, held, names.union(held))


def changed(subscription: Subscription, request: Request) -> Subscription:
    """The subscription after a later request's subscribes and unsubscribes.

    A name subscribed to is sent even if the client is known to hold it.
    > The server must respond with all resources listed in resource_names_subscribe, even if it
    > believes the client has the most recent version of them. (DeltaDiscoveryRequest)
    """
    if not request.subscribe and not request.unsubscribe:
        return subscription
    gained = request.subscribe - {WILDCARD}
    names = (subscription.names - request.unsubscribe) | gained
    wildcard = WILDCARD in request.subscribe or (
        subscription.wildcard and WILDCARD not in request.unsubscribe
    )
    return replace(
        subscription,
        wildcard=wildcard,
        names=names,
        held={n: v for n, v in subscription.held.items() if wildcard or n in names},
        refused={n: r for n, r in subscription.refused.items() if wildcard or n in names},
        due=frozenset(n for n in subscription.due if wildcard or n in names) | gained,
        again=(subscription.again & names) | gained,
        alone=frozenset(n for n in subscription.alone if wildcard or n in names),
    )


def touched(subscription: Subscription, names: Iterable[ResourceName]) -> Subscription:
    """The subscription after the view changed in `names`."""
    due = subscription.due.union(name for name in names if subscription.wants(name))
    return subscription if due == subscription.due else replace(subscription, due=due)


def repeated(subscription: Subscription, names: Iterable[ResourceName]) -> Subscription:
    """The subscription with those of `names` it holds by name due once more."""
    again = subscription.names.intersection(names)
    if not again:
        return subscription
    return replace(subscription, due=subscription.due | again, again=subscription.again | again)


def planned(subscription: Subscription, type_url: TypeUrl, view: View) -> tuple[Subscription, Due]:
    """What to send, and the subscription rid of names that turned out not to differ.

    Only for a subscription without an unanswered response: what that one carries is not yet held.
    """
    upserts: dict[ResourceName, Packed] = {}
    removals: set[ResourceName] = set()
    for name in subscription.due:
        packed = view.packed(type_url, name)
        if packed is None:
            if name in subscription.held:
                removals.add(name)
        elif _differs(subscription, name, packed.version):
            upserts[name] = packed
    due = frozenset(upserts).union(removals)
    if due != subscription.due:
        subscription = replace(subscription, due=due, again=subscription.again & due)
    return subscription, Due(upserts, frozenset(removals))


def _differs(subscription: Subscription, name: ResourceName, version: str) -> bool:
    if name in subscription.again:
        return True
    refusal = subscription.refused.get(name)
    if refusal is not None and refusal.version == version:
        return False  # it would only be refused again
    return subscription.held.get(name) != version


def batch(
    subscription: Subscription, upserts: Mapping[ResourceName, Packed]
) -> Mapping[ResourceName, Packed]:
    """The part of `upserts` for the next response: the unsuspected, or else one suspect alone."""
    if subscription.alone.isdisjoint(upserts):
        return upserts
    healthy = {n: packed for n, packed in upserts.items() if n not in subscription.alone}
    if healthy:
        return healthy
    first = min(upserts)
    return {first: upserts[first]}


def delivered(subscription: Subscription, sent: Sent) -> Subscription:
    """The subscription after `sent` went out."""
    names = sent.removed.union(sent.versions)
    return replace(
        subscription,
        due=subscription.due - names,
        again=subscription.again - names,
        sent=sent,
        owed=False,
    )


def acknowledged(subscription: Subscription, sent: Sent) -> Subscription:
    """The subscription after the client accepted `sent`."""
    held = {n: v for n, v in subscription.held.items() if n not in sent.removed}
    held.update((n, v) for n, v in sent.versions.items() if subscription.wants(n))
    gone = sent.removed.union(sent.versions)
    return replace(
        subscription,
        held=held,
        refused={n: r for n, r in subscription.refused.items() if n not in gone},
        alone=subscription.alone - gone,
        sent=None,
    )


def refused(subscription: Subscription, sent: Sent, message: str) -> Subscription:
    """The subscription after the client refused `sent`.

    Envoy keeps the good part of a refused response and names only some of the bad, so the
    versions held are unknown; several resources are tried again one by one, a single one is not
    sent again until its contents change.
    """
    held = {n: v for n, v in subscription.held.items() if n not in sent.removed}
    held.update((n, _UNKNOWN_VERSION) for n in sent.versions if subscription.wants(n))
    suspects = frozenset(n for n in sent.versions if subscription.wants(n))
    answered = replace(subscription, held=held, sent=None)
    if len(sent.versions) > 1:
        return replace(answered, due=answered.due | suspects, alone=answered.alone | suspects)
    refusals = {n: Refusal(sent.versions[n], message) for n in suspects}
    return replace(
        answered,
        refused={**answered.refused, **refusals},
        alone=answered.alone - suspects,
    )
