"""Whatever the order in which changes, responses, answers and reconnects meet, all ends well."""

from collections import deque
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from smi_envoy.xds import wire
from smi_envoy.xds.cache import Cache
from smi_envoy.xds.resources import ResourceKey, ResourceName, TypeUrl
from smi_envoy.xds.snapshot import Snapshot
from smi_envoy.xds.state import Changed, Event, Received, Send, State, TimedOut
from smi_envoy.xds.stream import step
from tests.fakes.xds_client import BAD, STATIC_SECRETS, Client, nowhere

PROXY = "shop/web"
CLUSTERS = ("a", "b", "c")
ROUTES = ("r", "s")

World = dict[ResourceKey, bytes]


def key(type_url: TypeUrl, name: str) -> ResourceKey:
    return ResourceKey(type_url, ResourceName(name))


@st.composite
def worlds(draw: st.DrawFn, *, bad: bool, vacant: bool = False) -> World:
    """What one proxy must have: a consistent set, some of it refused by every client if `bad`.

    If `vacant`, clusters that no route leads to may have no endpoints, and never change.
    """

    def contents(text: str) -> bytes:
        return BAD if bad and draw(st.integers(0, 9)) == 0 else text.encode()

    clusters = draw(st.sets(st.sampled_from(CLUSTERS), min_size=1))
    world: World = {key(TypeUrl.SECRET, "trust"): contents(draw(st.sampled_from("12")))}
    for name in sorted(clusters):
        world[key(TypeUrl.CLUSTER, name)] = contents(draw(st.sampled_from("1" if vacant else "12")))
        world[key(TypeUrl.ENDPOINT, name)] = contents(draw(st.sampled_from("12")))
    for name in sorted(draw(st.sets(st.sampled_from(("l", "m"))))):
        route = draw(st.sampled_from(ROUTES))
        world[key(TypeUrl.LISTENER, name)] = route.encode()
        target = draw(st.sampled_from(sorted(clusters)))
        world[key(TypeUrl.ROUTE, route)] = target.encode()
    led_to = {body.decode() for k, body in world.items() if k.type_url is TypeUrl.ROUTE}
    for name in sorted(clusters - led_to) if vacant else ():
        if draw(st.booleans()):
            world[key(TypeUrl.ENDPOINT, name)] = nowhere(name)
    return world


class Run:
    """Owns a cache, one stream after another, and the client at their other end."""

    def __init__(self) -> None:
        self.cache = Cache()
        self.client = Client()
        self.world: World = {}
        self.led_nowhere: set[ResourceName] = set()
        self.connect()

    def connect(self) -> None:
        self.state = State()
        self.responses: deque[Send] = deque()
        self.channel = self.cache.attach(PROXY)
        self.client.connect()

    def apply(self, world: World) -> None:
        gone: dict[ResourceKey, bytes | None] = {k: None for k in self.world if k not in world}
        self.cache.apply({**world, **gone}, {PROXY: Snapshot.of(world)})
        self.world = world

    def wake(self) -> bool:
        """The server looks at what changed."""
        view = self.cache.view(PROXY)
        if not self.channel.changed or view is None:
            return False
        first = self.state.view is None
        dirty = self.channel.take()
        self._step(Changed(view, None if first else dirty))
        return True

    def read(self) -> bool:
        """The server reads one request, and looks first at what changed."""
        if self.client.requests:
            self.wake()
            self._step(Received(self.client.requests.popleft()))
            return True
        return False

    def receive(self) -> bool:
        """The client reads one response."""
        if self.responses:
            ready = self.client.held[TypeUrl.ROUTE].keys() - self.client.unready_routes()
            self.client.receive(wire.encode(self.responses.popleft()))
            self.led_nowhere |= ready & self.client.unready_routes()
            return True
        return False

    def time_out(self) -> None:
        self.wake()
        if self.state.waiting is not None:
            self._step(TimedOut())

    def drain(self) -> None:
        while self.wake() or self.read() or self.receive():
            pass

    def _step(self, event: Event) -> None:
        self.state, actions = step(self.state, event)
        self.responses.extend(action for action in actions if isinstance(action, Send))
        if self.state.view is not None:
            generation, refused = self.state.view.generation, self.state.refused
            settled = self.state.settled
            self.cache.report(PROXY, generation, settled=settled, refused=refused)

    def assert_done(self) -> None:
        for type_url in TypeUrl:
            wanted = {k.name: body for k, body in self.world.items() if k.type_url is type_url}
            good = {n: body for n, body in wanted.items() if body != BAD}
            if type_url is TypeUrl.ENDPOINT:  # nobody asks for those of a refused cluster
                good = {n: b for n, b in good.items() if n in self.client.held[TypeUrl.CLUSTER]}
            held = self.client.held[type_url]
            assert {n: held.get(n) for n in good} == good
            assert held.keys() <= wanted.keys() | STATIC_SECRETS
        assert self.state.waiting is None


STEPS = ("read", "receive", "wake") * 4 + ("drain", "reconnect")


class Script(NamedTuple):
    """Changes to one of a few worlds, by its index, and actions."""

    worlds: list[World]
    events: list[int | str]


def scripts(
    *, bad: bool, vacant: bool = False, actions: tuple[str, ...] = STEPS
) -> st.SearchStrategy[Script]:
    """Of three worlds one is often back before anybody looked."""
    action = st.sampled_from(actions)
    event = st.one_of(st.integers(0, 2), action, action)
    return st.builds(
        Script,
        st.lists(worlds(bad=bad, vacant=vacant), min_size=3, max_size=3),
        st.lists(event, min_size=20, max_size=60),
    )


@settings(max_examples=1000, deadline=None)
@given(scripts(bad=False, actions=(*STEPS, "time_out")))
def test_any_interleaving_ends_with_the_client_holding_its_snapshot(
    script: Script,
) -> None:
    run = played(script)
    run.drain()
    run.assert_done()
    if run.world:
        assert run.state.settled
        ack = run.cache.acknowledgements()[PROXY]
        assert (ack.pending, ack.refused) == (False, None)


@settings(max_examples=300, deadline=None)
@given(scripts(bad=True, actions=(*STEPS, "time_out")))
def test_a_refused_resource_never_keeps_a_good_one_back(script: Script) -> None:
    run = played(script)
    run.drain()
    for _ in range(3):  # a gate may wait for what was refused
        run.time_out()
        run.drain()
    run.assert_done()


@settings(max_examples=300, deadline=None)
@given(scripts(bad=False))
def test_a_route_that_led_somewhere_never_leads_nowhere(script: Script) -> None:
    run = played(script)
    run.drain()
    assert run.led_nowhere == set()


@settings(max_examples=300, deadline=None)
@given(scripts(bad=False, vacant=True))
def test_a_route_never_leads_to_endpoints_that_are_none(script: Script) -> None:
    run = played(script)
    run.drain()
    assert run.led_nowhere == set()
    run.assert_done()


def played(script: Script) -> Run:
    run = Run()
    for event in script.events:
        if isinstance(event, int):
            run.apply(script.worlds[event])
        else:
            play(run, event)
    return run


def play(run: Run, action: str) -> None:
    match action:
        case "read":
            run.read()
        case "receive":
            run.receive()
        case "wake":
            run.wake()
        case "drain":
            run.drain()
        case "reconnect":
            run.connect()
        case "time_out":
            run.time_out()
        case _:
            raise AssertionError(action)
