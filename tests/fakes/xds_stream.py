"""One stream's state machine and the contents it serves, with requests in few words."""

from collections.abc import Iterable, Mapping

from smi_envoy.xds.resources import Packed, ResourceKey, ResourceName, TypeUrl, pack
from smi_envoy.xds.snapshot import Snapshot, View
from smi_envoy.xds.state import Action, Changed, Event, Received, Send, State, TimedOut
from smi_envoy.xds.stream import step
from smi_envoy.xds.subscription import Request


def key(type_url: TypeUrl, name: str) -> ResourceKey:
    return ResourceKey(type_url, ResourceName(name))


def packed(type_url: TypeUrl, name: str, text: str) -> Packed:
    return pack(key(type_url, name), text.encode())


class Stream:
    """Owns the state and the contents of one test's stream."""

    def __init__(self) -> None:
        self.state = State()
        self.contents: dict[ResourceKey, Packed] = {}
        self.private: dict[ResourceKey, Packed] = {}
        self._generation = 0
        self._shown: dict[ResourceKey, str] | None = None

    def have(self, contents: Mapping[tuple[TypeUrl, str], str]) -> list[Action]:
        """Make `contents` the whole of what the proxy must have, and show it to the stream."""
        self.contents = {key(t, n): packed(t, n, text) for (t, n), text in contents.items()}
        versions = {k: p.version for k, p in {**self.contents, **self.private}.items()}
        dirty = None
        if self._shown is not None:
            dirty = frozenset(k for k, _ in versions.items() ^ self._shown.items())
        self._shown = versions
        self._generation += 1
        return self.do(Changed(self.view(), dirty))

    def view(self) -> View:
        snapshot = Snapshot.of(self.contents)
        return View(self._generation, snapshot, self.contents.get, self.private)

    def ask(
        self,
        type_url: TypeUrl,
        *names: str,
        drop: Iterable[str] = (),
        versions: Mapping[str, str] | None = None,
    ) -> list[Action]:
        request = Request(
            type_url,
            frozenset(map(ResourceName, names)),
            frozenset(map(ResourceName, drop)),
            {ResourceName(n): v for n, v in (versions or {}).items()},
        )
        return self.do(Received(request))

    def ack(self, send: Send) -> list[Action]:
        return self.do(Received(Request(send.type_url, nonce=send.nonce)))

    def nack(self, send: Send, message: str = "no") -> list[Action]:
        return self.do(Received(Request(send.type_url, nonce=send.nonce, error=message)))

    def time_out(self) -> list[Action]:
        return self.do(TimedOut())

    def do(self, event: Event) -> list[Action]:
        self.state, actions = step(self.state, event)
        return list(actions)

    def ack_all(self, actions: Iterable[Action]) -> None:
        """Accept every response in `actions`, and every one that follows from that."""
        todo = sends(actions)
        while todo:
            todo.extend(sends(self.ack(todo.pop(0))))


def sends(actions: Iterable[Action]) -> list[Send]:
    return [action for action in actions if isinstance(action, Send)]


def only(actions: Iterable[Action]) -> Send:
    (send,) = sends(actions)
    return send


def bodies(*resources: tuple[TypeUrl, str, str]) -> tuple[Packed, ...]:
    return tuple(packed(*resource) for resource in resources)
