"""Roots as they are trusted, kept and issued under, from one to the next."""

import pytest
from cryptography import x509

from smi.model.identity import PodUid, ServiceIdentity
from smi_envoy.ca.authority import Issued, Root, new_root
from smi_envoy.ca.rollover import HANDSHAKE, Phase
from smi_envoy.ca.roots import Roots

NOON = 1_800_000_000.0
WEB, UID = ServiceIdentity("shop", "web"), PodUid("uid-web")


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class File:
    """What is kept; a full one keeps nothing."""

    def __init__(self) -> None:
        self.kept: tuple[Root, ...] = ()
        self.full = False

    def __call__(self, roots: tuple[Root, ...]) -> None:
        if self.full:
            raise OSError("full")
        self.kept = roots


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file() -> File:
    return File()


@pytest.fixture
def roots(clock: Clock, file: File) -> Roots:
    return Roots((new_root("old", NOON, 900.0),), file, clock, svid=60.0, root=900.0)


def spiffe(issued: Issued) -> str:
    names = x509.load_pem_x509_certificate(issued.cert_chain_pem).extensions
    found = names.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.UniformResourceIdentifier)[0]


def passes(roots: Roots, clock: Clock, trust_domain: str = "new") -> None:
    """Every proxy accepts what there is; the phase ends."""
    assert not roots.advance(trust_domain, 2, 0)
    clock.now += HANDSHAKE
    assert roots.advance(trust_domain, 2, 0)


def test_svid_is_of_the_trust_domain_of_the_root_that_issues(roots: Roots, clock: Clock) -> None:
    assert roots.advance("new", 2, 2)
    assert str(roots.phase) == "introduced"
    assert spiffe(roots.issue(WEB, UID)) == "spiffe://old/ns/shop/sa/web"
    passes(roots, clock)
    assert str(roots.phase) == "switched"
    assert spiffe(roots.issue(WEB, UID)) == "spiffe://new/ns/shop/sa/web"
    assert roots.trust_domains == {"old", "new"}
    passes(roots, clock)
    assert roots.trust_domains == {"new"}


def test_bundle_does_not_change_when_another_root_issues(roots: Roots, clock: Clock) -> None:
    alone = roots.bundle
    roots.advance("new", 2, 2)
    both = roots.bundle
    assert both.startswith(alone)
    assert both.count("BEGIN CERTIFICATE") == 2
    passes(roots, clock)
    assert roots.bundle == both
    passes(roots, clock)
    assert roots.bundle == both.removeprefix(alone)


def test_every_phase_is_kept_so_that_a_restart_goes_on(
    roots: Roots, clock: Clock, file: File
) -> None:
    roots.advance("new", 2, 2)
    for phase in (Phase.INTRODUCED, Phase.SWITCHED):
        again = Roots(file.kept, file, clock, svid=60.0)
        assert (again.phase, again.bundle) == (phase, roots.bundle)
        passes(roots, clock)
    assert Roots(file.kept, file, clock).phase is Phase.STEADY


def test_phase_that_cannot_be_kept_does_not_begin(roots: Roots, file: File) -> None:
    file.full = True
    with pytest.raises(OSError, match="full"):
        roots.advance("new", 2, 2)
    assert str(roots.phase) == "steady"
    file.full = False
    assert roots.advance("new", 2, 2)


def test_new_root_lives_as_long_as_roots_do(roots: Roots, clock: Clock, file: File) -> None:
    clock.now += 600
    assert roots.advance("old", 2, 2)
    assert file.kept[1].validity.not_after == NOON + 600 + 900
