"""One delta ADS stream as a state machine: `step(state, event) -> (state, actions)`.

What may go out when is the law of `turn`. A gate that stays shut too long is the shell's to
measure (`State.waiting`) and to lift (`TimedOut`).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from smi_envoy.xds import subscription as subscriptions
from smi_envoy.xds.resources import ResourceKey, ResourceName, TypeUrl
from smi_envoy.xds.snapshot import View
from smi_envoy.xds.state import (
    Acked,
    Action,
    Changed,
    Event,
    Foreign,
    Gate,
    Nacked,
    Received,
    State,
    TimedOut,
)
from smi_envoy.xds.subscription import Request, Sent, Subscription
from smi_envoy.xds.turn import Turn

_NO_NAMES: frozenset[ResourceName] = frozenset()


def step(state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
    """The stream after `event`, and what its shell must do, in order."""
    actions: list[Action] = []
    lifted: Gate | None = None
    match event:
        case Received(request):
            state, answers = _received(state, request)
            actions.extend(answers)
        case Changed(view, dirty):
            state = _changed(state, view, dirty)
        case TimedOut():
            lifted = state.waiting
            if lifted is Gate.MAKE:
                state = replace(state, awaited=_NO_NAMES)
        case _:
            assert_never(event)
    if state.view is not None:
        turn = Turn(state, state.view, lifted)
        turn.advance()
        actions.extend(turn.sends)
        state = turn.state()
    return state, tuple(actions)


def _received(state: State, request: Request) -> tuple[State, tuple[Action, ...]]:
    type_url = request.type_url
    found = state.subscriptions.get(type_url)
    actions: list[Action] = []
    awaited = state.awaited
    wild = found is not None and found.wildcard
    if found is None:
        found = subscriptions.opened(request)
        if type_url is TypeUrl.ENDPOINT:
            found = subscriptions.repeated(found, _warming(state, found))
    else:
        sent = found.sent
        if sent is not None and request.nonce == sent.nonce:
            found = _answered(found, sent, request, actions)
            awaited = _still_awaited(awaited, type_url, found, sent, request)
        found = subscriptions.changed(found, request)
    if found.wildcard and not wild and state.view is not None:
        found = subscriptions.touched(found, state.view.names(type_url))
    actions.extend(_foreign(state.view, request))
    known = {**state.subscriptions, type_url: found}
    return replace(state, subscriptions=known, awaited=awaited), tuple(actions)


def _warming(state: State, endpoints: Subscription) -> frozenset[ResourceName]:
    """The endpoints that clusters of the client may still be waiting for when it asks first.

    While it has a cluster without its endpoints Envoy says nothing of clusters, though it does so
    first else: another stream ended before these were sent. They are sent though it holds them.
    """
    return state.awaited if TypeUrl.CLUSTER in state.subscriptions else endpoints.names


def _answered(
    found: Subscription, sent: Sent, request: Request, actions: list[Action]
) -> Subscription:
    if request.error is None:
        actions.append(Acked(request.type_url))
        return subscriptions.acknowledged(found, sent)
    actions.append(Nacked(request.type_url, tuple(sorted(sent.versions)), request.error))
    return subscriptions.refused(found, sent, request.error)


def _still_awaited(
    awaited: frozenset[ResourceName],
    type_url: TypeUrl,
    found: Subscription,
    sent: Sent,
    request: Request,
) -> frozenset[ResourceName]:
    """`awaited` after an answer.

    Endpoints that the client still asks for and that need not be sent once more have arrived; a
    refused cluster asks for none.
    """
    if type_url is TypeUrl.ENDPOINT:
        return awaited.difference(found.names.intersection(sent.versions) - found.again)
    if type_url is TypeUrl.CLUSTER and request.error is not None:
        return awaited.difference(sent.versions)
    return awaited


def _foreign(view: View | None, request: Request) -> Iterable[Foreign]:
    if view is None:
        return
    for name in sorted(request.subscribe - {subscriptions.WILDCARD}):
        if not view.allows(request.type_url, name):
            yield Foreign(request.type_url, name)


def _changed(state: State, view: View, dirty: frozenset[ResourceKey] | None) -> State:
    touched: dict[TypeUrl, Iterable[ResourceName]] = {}
    for type_url, sub in state.subscriptions.items():
        if dirty is None:
            touched[type_url] = view.names(type_url).union(sub.held, sub.names)
        else:
            touched[type_url] = [key.name for key in dirty if key.type_url is type_url]
    known = {
        type_url: subscriptions.touched(sub, touched[type_url])
        for type_url, sub in state.subscriptions.items()
    }
    return replace(state, view=view, subscriptions=known)
