"""The judge of counts is exact, and as severe as it says."""

from fractions import Fraction
from itertools import accumulate
from math import comb, factorial

import pytest

from tests.chance import accepted, is_plausible, power, surprises
from tests.integration.envoy.shares import ALARM, TIMES


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


def test_counts_of_many_places_together_raise_no_more_false_alarms() -> None:
    trials, alarm, places = 14, 0.05, ("a", "b", "c")
    shares = dict(zip(places, (Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)), strict=True))
    refused = Fraction()
    for a in range(trials + 1):
        for b in range(trials + 1 - a):
            heard = dict(zip(places, (a, b, trials - a - b), strict=True))
            if surprises(heard, shares, alarm):
                refused += _of_all(heard, shares)
    assert 0 < refused <= alarm


def _of_all(heard: dict[str, int], shares: dict[str, Fraction]) -> Fraction:
    """The exact probability of what was heard."""
    found = Fraction(factorial(sum(heard.values())))
    for place, count in heard.items():
        found *= shares[place] ** count / factorial(count)
    return found


def test_one_answer_from_elsewhere_is_a_surprise() -> None:
    shares = {"a": Fraction(1), "b": Fraction(0)}
    assert surprises({"a": 6000}, shares, ALARM) == []
    assert surprises({"a": 5999, "b": 1}, shares, ALARM) == [
        "5999 of 6000 at a, whose share is 1",
        "1 of 6000 at b, whose share is 0",
    ]
    assert surprises({"a": 5999, "503": 1}, {"a": Fraction(1)}, ALARM)[0].startswith("1 of 6000")


@pytest.mark.parametrize(("share", "alarm"), [(0.3, 1e-3), (0.01, 0.2), (0, 0.1), (1, 0.1)])
def test_accepted_counts_are_the_plausible_ones(share: float, alarm: float) -> None:
    plausible = [n for n in range(91) if is_plausible(n, 90, share, alarm)]
    assert list(accepted(90, share, alarm)) == plausible


@pytest.mark.parametrize(
    ("share", "truth"),
    [
        pytest.param(0.75, 0.70, id="70/30 for 75/25"),
        pytest.param(0, 0.005, id="a leak of 0.5 % to weight 0"),
        pytest.param(0.995, 1, id="99.5 rounded to whole percents"),
        pytest.param(1 / 300, 0, id="1 of 300 rounded to whole percents"),
        pytest.param(1, 0.995, id="0.5 % missing of the whole"),
        pytest.param(2 / 3, 0.6, id="two pods of three for two Services of three"),
    ],
)
def test_what_is_not_quite_the_share_is_noticed_but_for_one_run_in_a_thousand(
    share: float, truth: float
) -> None:
    # Of up to four places: a part of the rate is left for each.
    assert power(TIMES, share, truth, ALARM / 4) > 0.999


@pytest.mark.parametrize("share", [0.5, 0.25, 0.01])
def test_choice_once_for_a_connection_is_noticed_on_one_connection(share: float) -> None:
    assert not is_plausible(TIMES, TIMES, share, ALARM / 4)
    assert not is_plausible(0, TIMES, share, ALARM / 4)
