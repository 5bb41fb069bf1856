"""The shell loop around one stream's steps: its requests, its wakes and its timers."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Generic, assert_never

from smi_envoy.xds import wire
from smi_envoy.xds.cache import Cache
from smi_envoy.xds.channel import Channel, Ending
from smi_envoy.xds.resources import ResourceKey, TypeUrl
from smi_envoy.xds.secrets import SVID, Secrets
from smi_envoy.xds.session import Identity, Session
from smi_envoy.xds.state import (
    Acked,
    Action,
    Changed,
    Event,
    Foreign,
    Nacked,
    Received,
    Send,
    State,
    TimedOut,
)
from smi_envoy.xds.stream import step

_COALESCE = 0.02  # seconds; the first change goes out at once, what follows this soon goes together
_GATE_LIMIT = 5.0  # seconds; an answer that is later is not coming, and a revocation must not wait
_INBOX_LIMIT = 1000  # unread requests; Envoy has at most a few per type under way

_log = logging.getLogger(__name__)


class Connection(Generic[Identity]):
    """Owns the state of one authenticated stream and what it has yet to send; ends with it."""

    def __init__(
        self,
        session: Session[Identity],
        cache: Cache,
        secrets: Secrets[Identity],
        clock: Callable[[], float],
        channel: Channel,
    ) -> None:
        self._session = session
        self._cache = cache
        self._secrets = secrets
        self._clock = clock
        self._channel = channel
        self._svid = secrets.svid(session)
        self._state = State()
        self._inbox: deque[Received] = deque()
        self._outbox: deque[Send] = deque()
        self._coalesce_until = 0.0  # loop time
        self._gate_until: float | None = None  # loop time
        self._reported: tuple[int, bool, str | None] | None = None

    async def serve(
        self, requests: AsyncIterator[bytes], write: Callable[[bytes], Awaitable[None]]
    ) -> Ending:
        """Serve until the stream has a reason to end, which is returned."""
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(self._read(requests))
            try:
                return await self._run(write)
            finally:
                reader.cancel()

    async def _read(self, requests: AsyncIterator[bytes]) -> None:
        async for message in requests:
            try:
                node_id, request = wire.decode(message)
            except wire.Malformed:
                self._channel.end(Ending.MALFORMED)
                return
            if node_id and node_id != self._session.proxy_id:
                _log.warning("foreign node id", extra=self._fields(node=node_id))
                self._channel.end(Ending.FOREIGN_NODE)
                return
            if len(self._inbox) >= _INBOX_LIMIT:
                self._channel.end(Ending.FLOODED)
                return
            if request is not None:
                self._inbox.append(Received(request))
                self._channel.wake.set()
        self._channel.end(Ending.CLOSED)

    async def _run(self, write: Callable[[bytes], Awaitable[None]]) -> Ending:
        wake = self._channel.wake
        while True:
            wake.clear()
            if self._clock() >= self._session.expires_at:
                self._channel.end(Ending.EXPIRED)
            if self._channel.ending is not None:
                return self._channel.ending
            self._absorb(asyncio.get_running_loop().time())
            self._report()
            # A proxy that reads nothing holds this loop here, and costs nothing more: gRPC can end
            # no call whose write is under way, and its keepalive finds a peer that is gone.
            while self._outbox:
                await write(wire.encode(self._outbox.popleft()))
            await self._idle(wake)

    def _absorb(self, now: float) -> None:
        """Step through everything that happened, once a change that waits may be looked at.

        The contents that a view finds are always the newest: with names from before the change, a
        route would be sent without the cluster that it leads to.
        """
        if self._channel.changed:
            if now < self._coalesce_until:
                return
            self._coalesce_until = now + _COALESCE
            self._show(self._channel.take())
        while self._inbox:
            self._step(self._inbox.popleft())
        if self._clock() >= self._svid.rotate_at:
            self._rotate()
        if self._gate_until is not None and now >= self._gate_until:
            waiting = self._state.waiting
            _log.warning("gate lifted", extra=self._fields(gate=waiting and waiting.value))
            self._gate_until = None
            self._step(TimedOut())

    def _rotate(self) -> None:
        self._svid = self._secrets.svid(self._session)
        if self._state.view is not None:
            view = replace(self._state.view, private=self._svid.private())
            self._step(Changed(view, frozenset({SVID})))

    def _show(self, dirty: frozenset[ResourceKey] | None) -> None:
        view = self._cache.view(self._session.proxy_id)
        if dirty is None or SVID in dirty:
            self._svid = self._secrets.svid(self._session)
        if view is not None:
            first = self._state.view is None
            private = replace(view, private=self._svid.private())
            self._step(Changed(private, None if first else dirty))

    def _step(self, event: Event) -> None:
        waited = self._state.waiting
        self._state, actions = step(self._state, event)
        for action in actions:
            self._act(action)
        if self._state.waiting is None:
            self._gate_until = None
        elif self._gate_until is None or self._state.waiting is not waited:
            self._gate_until = asyncio.get_running_loop().time() + _GATE_LIMIT

    def _act(self, action: Action) -> None:
        match action:
            case Send():
                self._outbox.append(action)
            case Acked(type_url):
                _log.debug("response accepted", extra=self._fields(type=type_url.name))
            case Nacked(type_url, names, message):
                fields = self._fields(type=type_url.name, resources=names, reason=message)
                _log.warning("response refused", extra=fields)
            case Foreign(type_url, name):
                level = logging.WARNING if type_url is TypeUrl.SECRET else logging.INFO
                fields = self._fields(type=type_url.name, resource=name)
                _log.log(level, "foreign resource asked for", extra=fields)
            case _:
                assert_never(action)

    def _report(self) -> None:
        view = self._state.view
        if view is None:
            return
        report = (view.generation, self._state.settled, self._state.refused)
        if report != self._reported:
            self._reported = report
            self._cache.report(
                self._session.proxy_id, report[0], settled=report[1], refused=report[2]
            )

    async def _idle(self, wake: asyncio.Event) -> None:
        """Wait for the next thing to look at, or the next timer."""
        now, clock = asyncio.get_running_loop().time(), self._clock()
        delays = [self._session.expires_at - clock, self._svid.rotate_at - clock]
        if self._gate_until is not None:
            delays.append(self._gate_until - now)
        if self._channel.changed:
            delays = [self._coalesce_until - now]  # nothing is looked at before
        try:
            async with asyncio.timeout(max(0.0, min(delays))):
                await wake.wait()
        except TimeoutError:
            return

    def _fields(self, **fields: object) -> dict[str, object]:
        return {"proxy": self._session.proxy_id, **fields}
