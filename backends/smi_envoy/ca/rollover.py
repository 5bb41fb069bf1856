"""From one root to the next without a failed request, as a state machine. Pure.

| phase | trusted | issues | until |
|---|---|---|---|
| steady | one | that one | two thirds of its time are over, or the mesh has another trust domain |
| introduced | old and new | the old one | every proxy trusts both |
| switched | old and new | the new one | no proxy shows a certificate of the old one |
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, NamedTuple, Protocol, TypeVar, assert_never

from smi_envoy.ca import rotation
from smi_envoy.ca.rotation import Validity

# How long what every proxy has accepted may still be unknown to a handshake under way, in seconds:
# as long as a sidecar waits for a connection (`clusters.CONNECT_TIMEOUT`).
HANDSHAKE = 5.0


class Phase(StrEnum):
    """Which roots there are, and which of them issues."""

    STEADY = "steady"
    INTRODUCED = "introduced"
    SWITCHED = "switched"


class Anchor(Protocol):
    """What is asked of a root."""

    @property
    def trust_domain(self) -> str: ...
    @property
    def validity(self) -> Validity: ...


R = TypeVar("R", bound=Anchor)


class Seen(NamedTuple):
    """What is so at one moment (`now`, in Unix seconds).

    `trust_domain` is the mesh's. `late` of its `proxies` have not accepted what they were told
    when the phase began, or since.
    """

    now: float
    trust_domain: str
    proxies: int
    late: int


@dataclass(frozen=True, slots=True)
class Rollover(Generic[R]):
    """The roots of a mesh: one, or two that differ in age. All are trusted, the first issues.

    The phase began at `since`, and at `accepted` every proxy had accepted what it brought (`None`
    until then), in Unix seconds.
    """

    roots: tuple[R, ...]
    since: float
    accepted: float | None = None

    @property
    def phase(self) -> Phase:
        """The phase, which the roots and their order alone tell: a restart finds it again."""
        if len(self.roots) == 1:
            return Phase.STEADY
        first, second = (root.validity.not_before for root in self.roots)
        return Phase.SWITCHED if first > second else Phase.INTRODUCED


def step(
    state: Rollover[R], seen: Seen, patience: float, make: Callable[[str, R], R]
) -> Rollover[R]:
    """The state after what was `seen`; at most one phase further.

    No phase lasts longer than `patience`, the lifetime of an SVID in seconds: a proxy that has
    been away for so long holds none that is valid. `make` gives a root of a trust domain that is
    younger than another root.
    """
    match state.phase:
        case Phase.STEADY:
            (root,) = state.roots
            if not _is_due(root, seen):
                return state
            return Rollover((root, make(seen.trust_domain, root)), seen.now)
        case Phase.INTRODUCED:
            old, new = state.roots
            if new.trust_domain != seen.trust_domain or new.validity.not_after <= seen.now:
                return Rollover((old,), seen.now)  # it has issued nothing
            return _advanced(state, seen, patience, old, (new, old))
        case Phase.SWITCHED:
            new, old = state.roots
            return _advanced(state, seen, patience, old, (new,))
        case _:
            assert_never(state.phase)


def _is_due(root: Anchor, seen: Seen) -> bool:
    made, end = root.validity.not_before + rotation.BACKDATE, root.validity.not_after
    return root.trust_domain != seen.trust_domain or seen.now >= rotation.rotate_at(made, end, 0)


def _advanced(
    state: Rollover[R], seen: Seen, patience: float, old: R, after: tuple[R, ...]
) -> Rollover[R]:
    """The next phase, whose roots are `after`, or what this one waits for."""
    over = seen.now >= min(state.since + patience, old.validity.not_after)
    if seen.proxies == 0 or over:
        return Rollover(after, seen.now)
    if state.accepted is None:
        return state if seen.late else replace(state, accepted=seen.now)
    return Rollover(after, seen.now) if seen.now >= state.accepted + HANDSHAKE else state
