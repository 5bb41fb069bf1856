import pytest
from hypothesis import given
from hypothesis import strategies as st

from smi_envoy.ca.rotation import BACKDATE, InvalidLifetime, Validity, rotate_at, validity


def test_certificate_begins_before_it_is_issued_because_clocks_differ() -> None:
    assert validity(1000.0, 60.0) == (1000.0 - BACKDATE, 1060.0)


def test_certificate_lies_within_that_of_its_issuer() -> None:
    assert validity(1000.0, 60.0, Validity(990.0, 1030.0)) == (990.0, 1030.0)


@pytest.mark.parametrize(("lifetime", "end"), [(0.0, 2000.0), (-1.0, 2000.0), (60.0, 1000.0)])
def test_certificate_that_would_have_ended_is_not_made(lifetime: float, end: float) -> None:
    with pytest.raises(InvalidLifetime):
        validity(1000.0, lifetime, Validity(0.0, end))


def test_rotation_comes_after_two_thirds_of_the_time() -> None:
    assert rotate_at(1000.0, 1300.0, 0.0) == 1200.0


@given(st.floats(0, 1e10), st.floats(1, 1e8), st.floats(0, 1))
def test_jitter_only_makes_rotation_earlier(now: float, lifetime: float, chance: float) -> None:
    latest = rotate_at(now, now + lifetime, 0.0)
    assert now < rotate_at(now, now + lifetime, chance) <= latest
    assert latest - rotate_at(now, now + lifetime, chance) <= lifetime / 10 + 1e-3
