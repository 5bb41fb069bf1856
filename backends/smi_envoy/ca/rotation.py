"""When certificates begin, end and are replaced. Times are Unix seconds, lifetimes seconds."""

from typing import NamedTuple

_HOUR = 3600.0
_YEAR = 365.25 * 24 * _HOUR

ROOT_LIFETIME = 10 * _YEAR  # as Istio's self-signed root
SVID_LIFETIME = (
    24 * _HOUR
)  # as Istio's workload certificates: a night without control plane is safe
BACKDATE = 60.0  # a peer's clock may be this far behind; SPIRE and cert-manager grant 10 s to 60 s

_ROTATE_AFTER = 2 / 3  # of what is left: a third remains to survive an absent control plane
_JITTER = 0.1  # of what is left: proxies that started together do not rotate together


class InvalidLifetime(ValueError):
    """A certificate would end before it begins."""


class Validity(NamedTuple):
    """When a certificate begins and ends."""

    not_before: float
    not_after: float


def validity(now: float, lifetime: float, issuer: Validity | None = None) -> Validity:
    """The validity of a certificate issued `now` for `lifetime`, within that of its issuer."""
    wanted = Validity(now - BACKDATE, now + lifetime)
    if issuer is not None:
        wanted = Validity(
            max(wanted.not_before, issuer.not_before), min(wanted.not_after, issuer.not_after)
        )
    if lifetime <= 0 or wanted.not_after <= now:
        raise InvalidLifetime("a certificate issued now would have ended already")
    return wanted


def rotate_at(now: float, not_after: float, chance: float) -> float:
    """When to replace a certificate obtained `now`.

    Two thirds of its time from now, or up to a tenth of its time earlier by `chance` (0 to 1).
    """
    return now + (not_after - now) * (_ROTATE_AFTER - _JITTER * chance)
