"""The Kubernetes API for typed objects: one class, whose methods are its verbs."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self, TypeVar

from smi import scheme
from smi.client import calls
from smi.client.calls import EVERYWHERE, ApiKind, Call, api_kind
from smi.client.cluster import Cluster
from smi.client.objects import Listed, R, decode, listed, version_of
from smi.client.status import Condition, status
from smi.client.timeouts import Timeouts
from smi.client.watching import LONGEST_WAIT, Broken, Event, View, step, wait
from smi.errors import ClusterError, Expired, MissingExtra, Unavailable
from smi.k8s.document import Document, part, without
from smi.k8s.resource import OpenResource, Resource

O = TypeVar("O", bound=OpenResource)  # noqa: E741 - one that keeps all that is written in it

MANAGER = "smi-mesh"
"""The field manager where a caller does not name its own."""

_ATTEMPTS = 5  # of a call that the API server asks to repeat
_LISTS = 3  # a list whose later pages have expired begins again

_log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the default of a program that has no other


class _Wire(Protocol):
    """What of `smi.client.connection.Connection` is used; its module is not imported here."""

    @property
    def namespace(self) -> str: ...
    async def ask(self, call: Call) -> Document: ...
    def follow(self, call: Call) -> AsyncGenerator[Document, None]: ...


class Client:
    """The API server of one cluster, from `async with Client(os.environ) as client` to its end.

    Which cluster: see `smi.client.cluster.Cluster`. A `namespace` None is the one of the context
    of the kubeconfig, or of the pod. Every method raises ClusterError, whose subclasses in
    `smi.errors` say what to do; a call that the API server asks to repeat later is repeated.
    Needs the extra `client`.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        kubeconfig: Path | None = None,
        context: str | None = None,
        timeouts: Timeouts | None = None,
        now: Callable[[], datetime] = _now,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = Cluster(environment, kubeconfig, context)
        self._timeouts = timeouts or Timeouts()
        self._now, self._chance, self._sleep, self._clock = now, chance, sleep, clock
        self._running = AsyncExitStack()
        self._connection: _Wire

    async def __aenter__(self) -> Self:
        try:
            from smi.client.connection import connected  # noqa: PLC0415 - it takes half a second
        except ModuleNotFoundError as error:
            message = f"the client needs {error.name}: pip install 'smi-mesh[client]'"
            raise MissingExtra(message) from error
        self._connection = await self._running.enter_async_context(
            connected(self._cluster, self._timeouts)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    @property
    def namespace(self) -> str:
        """The namespace where a caller names none."""
        return self._connection.namespace

    async def get(self, kind: type[R], name: str, namespace: str | None = None) -> R:
        """One object. Raises NotFound, and InvalidResource for one that cannot be read."""
        call = calls.get(api_kind(kind), self._or_own(namespace), name)
        return decode(kind, await self._ask(call))

    async def list(
        self, kind: type[R], namespace: str | None = None, *, labels: str = ""
    ) -> Listed[R]:
        """All objects of a kind in a namespace, or EVERYWHERE, that carry `labels`.

        `labels` is written as kubectl takes it: `app=web,version in (v1, v2)`. Objects that
        cannot be read hide no others: `Listed.undecodable` has them.
        """
        which, where = api_kind(kind), self._or_own(namespace)
        for _ in range(_LISTS - 1):
            try:
                return await self._pages(kind, which, where, labels)
            except Expired:
                continue
        return await self._pages(kind, which, where, labels)

    async def watch(
        self,
        kind: type[R],
        namespace: str | None = None,
        *,
        labels: str = "",
        since: Listed[R] | None = None,
    ) -> AsyncGenerator[Event[R], None]:
        """What happens to the objects of a kind, for as long as it is asked.

        Begins with an ADDED for each object that is there; or, `since` a list, with the first
        change after it. What cannot be read is an event too. However often the connection
        breaks, whoever applies the events to what it knows has what there is. Raises where the
        first list fails, and from then on never.
        """
        which, where = api_kind(kind), self._or_own(namespace)
        view: View[R] = View(kind) if since is None else View.of(kind, since)
        if since is None:
            for event in step(view, await self.list(kind, where, labels=labels)):
                yield event
        while True:
            error, began = None, self._clock()
            try:
                if not view.version:
                    for event in step(view, await self.list(kind, where, labels=labels)):
                        yield event
                seconds = self._timeouts.watch(self._chance())
                call = calls.changes(which, where, labels, view.version, seconds)
                async with aclosing(self._connection.follow(call)) as documents:
                    async for document in documents:
                        for event in step(view, document):
                            yield event
            except ClusterError as broken:
                error = broken
            step(view, Broken(error, self._clock() - began))
            _tell(view.failures, which, error)
            await self._sleep(wait(view, error, self._chance()))

    async def create(self, resource: R) -> R:
        """A new object, as the API server took it. Raises AlreadyExists, Rejected."""
        kind, where = api_kind(type(resource)), self._place(resource)
        call = calls.create(kind, where, scheme.encode(resource))
        return decode(type(resource), await self._ask(call))

    async def replace(self, resource: O) -> O:
        """An object that was read and changed, written whole.

        Raises Conflict where somebody else has written it since. Only kinds of SMI keep all that
        they were read with; of others, `apply` the fields that are meant.
        """
        kind, where = api_kind(type(resource)), self._place(resource)
        document = scheme.encode(resource)
        call = calls.replace(kind, where, resource.metadata.name, document)
        return decode(type(resource), await self._ask(call))

    async def apply(self, resource: R, *, manager: str = MANAGER, force: bool = False) -> R:
        """An object that has at least these fields, there before or not: server-side apply.

        Fields that `manager` applied before and that are not there any more go. Raises Conflict,
        whose `fields` others manage; `force` takes them over. What was read carries its
        resourceVersion, and is applied to that version only.
        """
        kind, where = api_kind(type(resource)), self._place(resource)
        document = scheme.encode(resource)
        # > metadata.managedFields must be nil   (the API server, of an object that is applied)
        document["metadata"] = without(document["metadata"], "managedFields")
        call = calls.apply(kind, where, document, manager, force=force)
        return decode(type(resource), await self._ask(call))

    async def patch_status(
        self, resource: O, conditions: Iterable[Condition], *, manager: str = MANAGER
    ) -> O:
        """Say `conditions` of an object as it was read; those of other managers stay.

        What `manager` said before and does not say again is gone.
        """
        kind, where = api_kind(type(resource)), self._place(resource)
        now = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = status(resource, conditions, now)
        call = calls.apply_status(kind, where, resource.metadata.name, said, manager)
        return decode(type(resource), await self._ask(call))

    async def delete(
        self, kind: type[Resource], name: str, namespace: str | None = None, *, uid: str = ""
    ) -> None:
        """No such object any more, or soon, where finalizers are waited for.

        With a `uid`, raises Conflict where the object of that name has another.
        """
        await self._ask(calls.delete(api_kind(kind), self._or_own(namespace), name, uid))

    def _or_own(self, namespace: str | None) -> str:
        return self.namespace if namespace is None else namespace

    def _place(self, resource: Resource) -> str:
        # A manifest that names no namespace means the one of the context, not `default`.
        metadata = resource.metadata
        is_named = "namespace" in metadata.model_fields_set
        return metadata.namespace if is_named else self.namespace

    async def _pages(self, kind: type[R], which: ApiKind, namespace: str, labels: str) -> Listed[R]:
        # Read page by page: the loop is not held up for as long as all of them take.
        page = await self._ask(calls.collection(which, namespace, labels))
        found = [*listed(kind, page).found]
        while token := str(part(page, "metadata").get("continue", "")):
            page = await self._ask(calls.collection(which, namespace, labels, token))
            found += listed(kind, page).found
        return Listed(tuple(found), version_of(page))

    async def _ask(self, call: Call) -> Document:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._connection.ask(call)
            except Unavailable as error:
                # It says when to come back only of what it has not begun.
                if error.retry_after is None:
                    raise
                await self._sleep(min(error.retry_after, LONGEST_WAIT))
        return await self._connection.ask(call)


def _tell(failures: int, kind: ApiKind, error: ClusterError | None) -> None:
    level = logging.INFO if failures == 1 and error else logging.DEBUG
    _log.log(level, "watch of %s begins again: %s", kind.resource, error or "ended in order")


__all__ = ["EVERYWHERE", "MANAGER", "Client"]
