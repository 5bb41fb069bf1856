"""A root is replaced in steps, each of which waits for the proxies."""

from typing import NamedTuple

from smi_envoy.ca.rollover import HANDSHAKE, Phase, Rollover, Seen, step
from smi_envoy.ca.rotation import BACKDATE, Validity

NOON = 1_800_000_000.0
LIFE = 900.0
PATIENCE = 100.0


class Anchor(NamedTuple):
    """A root that was made at a time."""

    trust_domain: str
    made: float
    life: float = LIFE

    @property
    def validity(self) -> Validity:
        return Validity(self.made - BACKDATE, self.made + self.life)


A, B = Anchor("old", NOON), Anchor("old", NOON + 600)


def after(
    state: Rollover[Anchor],
    now: float,
    *,
    proxies: int = 2,
    late: int = 0,
    trust_domain: str = "old",
) -> Rollover[Anchor]:
    """The state a step later; a new root is made at `now`."""
    seen = Seen(now, trust_domain, proxies, late)
    return step(state, seen, PATIENCE, lambda domain, _: Anchor(domain, now))


def test_root_stays_for_two_thirds_of_its_time() -> None:
    steady = Rollover((A,), NOON)
    assert steady.phase is Phase.STEADY
    assert after(steady, NOON + 599) is steady
    introduced = after(steady, NOON + 600)
    assert introduced == Rollover((A, B), NOON + 600)
    assert introduced.phase is Phase.INTRODUCED


def test_mesh_of_another_trust_domain_gets_a_root_of_it() -> None:
    introduced = after(Rollover((A,), NOON), NOON + 5, trust_domain="new")
    assert introduced.roots == (A, Anchor("new", NOON + 5))


def test_new_root_does_not_issue_before_every_proxy_trusts_it() -> None:
    waiting = Rollover((A, B), NOON + 600)
    assert after(waiting, NOON + 650, late=1) is waiting
    accepted = after(waiting, NOON + 650)
    assert accepted.roots == (A, B)
    assert after(accepted, NOON + 650 + HANDSHAKE - 1) is accepted
    switched = after(accepted, NOON + 650 + HANDSHAKE)
    assert switched == Rollover((B, A), NOON + 650 + HANDSHAKE)
    assert switched.phase is Phase.SWITCHED


def test_old_root_is_trusted_until_every_proxy_shows_the_new_one() -> None:
    waiting = Rollover((B, A), NOON + 600)
    assert after(waiting, NOON + 650, late=2) is waiting
    accepted = after(waiting, NOON + 650)
    assert after(accepted, NOON + 650) is accepted
    retired = after(accepted, NOON + 650 + HANDSHAKE)
    assert retired == Rollover((B,), NOON + 650 + HANDSHAKE)


def test_pod_that_starts_meanwhile_is_not_waited_for_again() -> None:
    accepted = after(Rollover((A, B), NOON + 600), NOON + 610)
    assert after(accepted, NOON + 610 + HANDSHAKE, proxies=3, late=1).roots == (B, A)


def test_proxy_that_does_not_answer_is_waited_for_as_long_as_an_svid_lives() -> None:
    for roots, then in (((A, B), (B, A)), ((B, A), (B,))):
        waiting = Rollover(roots, NOON + 600)
        assert after(waiting, NOON + 600 + PATIENCE - 1, late=1) is waiting
        assert after(waiting, NOON + 600 + PATIENCE, late=1).roots == then


def test_where_nobody_is_nobody_is_waited_for() -> None:
    state = Rollover((A,), NOON)
    for roots in ((A, Anchor("new", NOON)), (Anchor("new", NOON), A), (Anchor("new", NOON),)):
        state = after(state, NOON, proxies=0, trust_domain="new")
        assert set(state.roots) == set(roots)


def test_root_that_has_ended_is_not_waited_for() -> None:
    short = Anchor("old", NOON, life=650.0)
    assert after(Rollover((short, B), NOON + 600), NOON + 650, late=1).roots == (B, short)
    assert after(Rollover((B, short), NOON + 600), NOON + 650, late=1).roots == (B,)


def test_new_root_that_is_not_wanted_any_more_goes_as_it_came() -> None:
    other = Anchor("new", NOON + 10)
    assert after(Rollover((A, other), NOON + 10), NOON + 20) == Rollover((A,), NOON + 20)
    ended = Anchor("old", NOON + 10, life=5.0)
    assert after(Rollover((A, ended), NOON + 10), NOON + 15).roots == (A,)


def test_trust_domain_that_changes_again_waits_for_the_rollover_under_way() -> None:
    new = Anchor("new", NOON + 10)
    switched = Rollover((new, A), NOON + 10)
    assert after(switched, NOON + 20, late=1, trust_domain="newer") is switched
    steady = after(switched, NOON + 20, proxies=0, trust_domain="newer")
    assert steady.roots == (new,)
    assert after(steady, NOON + 21, trust_domain="newer").roots[1].trust_domain == "newer"
