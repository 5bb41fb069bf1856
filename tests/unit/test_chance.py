"""The judge of counts is exact, and as severe as it says."""

from itertools import accumulate
from math import comb

import pytest

from tests.chance import is_plausible


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_false_alarms_are_as_rare_as_stated(share: float) -> None:
    trials, alarm = 60, 1e-3
    chances = [comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(trials + 1)]
    refused = [p for k, p in enumerate(chances) if not is_plausible(k, trials, share, alarm)]
    assert sum(refused) <= alarm
    below = [total for total in accumulate(chances) if 2 * total <= alarm * 0.999]
    assert not any(is_plausible(k, trials, share, alarm) for k in range(len(below)))


def test_share_of_nothing_or_all_admits_no_exception() -> None:
    assert is_plausible(0, 300, 0, 1e-9)
    assert not is_plausible(1, 300, 0, 1e-9)
    assert is_plausible(300, 300, 1, 1e-9)
    assert not is_plausible(299, 300, 1, 1e-9)


def test_wrong_share_is_noticed() -> None:
    assert is_plausible(150, 300, 0.5, 1e-9)
    assert not is_plausible(270, 300, 0.5, 1e-9)
