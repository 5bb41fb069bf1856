"""Whatever is late, lost or restarted while roots change, those who could speak still can."""

import random
from dataclasses import dataclass, field
from typing import NamedTuple

from hypothesis import given, settings

from smi_envoy.ca.rollover import HANDSHAKE, Phase, Rollover, Seen, step
from smi_envoy.ca.rotation import BACKDATE, Validity
from tests import strategies

SVID, ROOT = 100.0, 1000.0
STEPS = 400


class Anchor(NamedTuple):
    number: int
    trust_domain: str
    begin: float

    @property
    def validity(self) -> Validity:
        return Validity(self.begin, self.begin + BACKDATE + ROOT)


@dataclass
class Proxy:
    """What one Envoy holds, which survives the control plane; and what it has acknowledged."""

    trusted: frozenset[Anchor] = frozenset()
    issuer: Anchor | None = None
    ends: float = 0.0
    renewed: float = 0.0
    connected: bool = True
    accepted: int = -1


@dataclass
class World:
    """A control plane that keeps its roots in a file, and proxies that it tells of them."""

    rng: random.Random
    now: float = 0.0
    wanted: str = "a"
    made: int = 0
    phase: int = 0
    proxies: list[Proxy] = field(default_factory=lambda: [Proxy() for _ in range(3)])
    seen: set[Phase] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.state = Rollover((self.make("a", None),), self.now)

    def make(self, trust_domain: str, older: Anchor | None) -> Anchor:
        self.made += 1
        begin = self.now - BACKDATE
        return Anchor(self.made, trust_domain, max(begin, older.begin + 1) if older else begin)

    def look(self) -> None:
        late = sum(proxy.accepted < self.phase for proxy in self.proxies)
        seen = Seen(self.now, self.wanted, len(self.proxies), late)
        after = step(self.state, seen, SVID, self.make)
        if after.roots != self.state.roots:
            self.phase += 1
        self.state = after
        self.seen.add(after.phase)

    def tell(self, proxy: Proxy) -> None:
        """One proxy takes and acknowledges all that it is told."""
        root = self.state.roots[0]
        ends = min(self.now + SVID, root.validity.not_after)
        due = self.now >= proxy.renewed + SVID * 2 / 3 or self.now >= proxy.ends
        proxy.trusted = frozenset(self.state.roots)
        if due or proxy.accepted < self.phase:
            proxy.issuer, proxy.ends, proxy.renewed = root, ends, self.now
        proxy.accepted = self.phase

    def restart(self) -> None:
        """What is in the file is all that is left."""
        self.state = Rollover(self.state.roots, self.now)
        for proxy in self.proxies:
            proxy.accepted = -1

    def replace(self) -> None:
        """A pod goes, another comes."""
        self.proxies[self.rng.randrange(len(self.proxies))] = Proxy()

    def turn(self) -> None:
        """Something happens; proxies that are connected hear of it sooner or later."""
        match self.rng.choice(("time", "time", "time", "look", "look", "tell", "away", "rare")):
            case "time":
                self.now += self.rng.choice((0.1, 1.0, HANDSHAKE, 20.0))
            case "look":
                self.look()
            case "tell":
                proxy = self.rng.choice(self.proxies)
                if proxy.connected:
                    self.tell(proxy)
            case "away":
                proxy = self.rng.choice(self.proxies)
                proxy.connected = not proxy.connected
            case _:
                self.rare()
        for proxy in self.proxies:
            if proxy.connected and self.now >= proxy.renewed + SVID * 2 / 3:
                self.tell(proxy)

    def rare(self) -> None:
        match self.rng.randrange(6):
            case 0:
                self.restart()
            case 1:
                self.replace()
            case 2:
                self.wanted = self.rng.choice("ab")
            case _:
                pass


@settings(max_examples=100)
@given(strategies.randoms())
def test_no_two_proxies_with_valid_certificates_ever_distrust_each_other(
    rng: random.Random,
) -> None:
    world = World(rng)
    for _ in range(STEPS):
        world.turn()
        valid = [p for p in world.proxies if p.issuer is not None and p.ends > world.now]
        for one in valid:
            assert one.issuer is not None
            assert one.ends <= one.issuer.validity.not_after
            assert all(one.issuer in other.trusted for other in valid)


@settings(max_examples=30)
@given(strategies.randoms())
def test_rollover_comes_to_its_end_whoever_is_away(rng: random.Random) -> None:
    world = World(rng)
    world.look()
    for wanted in ("b", "a"):
        world.wanted = wanted
        for _ in range(3):
            world.look()
            world.now += SVID
        assert [root.trust_domain for root in world.state.roots] == [wanted]
    assert world.seen == set(Phase)
