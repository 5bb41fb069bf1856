"""Exact tests of counts that chance decides, with a stated rate of false alarms.

Of many places each count, by itself, is binomial, whatever the others are. So each is tested
exactly, at its part of the rate: all of them together raise a false alarm no more often than stated
(Bonferroni), and what is refused is a place and its count. An exact multinomial test would have to
sum n^(k-1) outcomes, which for 6000 requests to four places are 10^10.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping
from fractions import Fraction


def is_plausible(count: int, trials: int, share: float, alarm: float) -> bool:
    """Whether `count` of `trials` is no surprise where each falls here with probability `share`.

    True but for a fraction of `alarm` of all honest counts: both tails of the binomial
    distribution are summed exactly. A share of 0 or 1 admits no exception.
    """
    if share in {0, 1}:
        return count == trials * share
    lower = _probability(range(count + 1), trials, share)
    upper = _probability(range(count, trials + 1), trials, share)
    return 2 * min(lower, upper) > alarm


def surprises(heard: Mapping[str, int], shares: Mapping[str, Fraction], alarm: float) -> list[str]:
    """The counts that chance does not explain where each place has one of `shares`, all others 0.

    Not one, but for a fraction of `alarm` of all honest runs.
    """
    total, places = sum(heard.values()), sorted({*heard, *shares})
    of_each = alarm / max(1, sum(0 < share < 1 for share in shares.values()))
    return [
        f"{heard.get(place, 0)} of {total} at {place}, whose share is {shares.get(place, 0)}"
        for place in places
        if not is_plausible(heard.get(place, 0), total, float(shares.get(place, 0)), of_each)
    ]


def accepted(trials: int, share: float, alarm: float) -> range:
    """The plausible counts."""
    if share in {0, 1}:
        return range(round(trials * share), round(trials * share) + 1)
    most_likely = math.floor((trials + 1) * share)
    below, above = range(most_likely), range(most_likely, trials + 1)
    first = bisect_left(below, 1, key=lambda n: is_plausible(n, trials, share, alarm))
    end = bisect_left(above, 1, key=lambda n: not is_plausible(n, trials, share, alarm))
    return range(first, most_likely + end)


def power(trials: int, share: float, truth: float, alarm: float) -> float:
    """How often a count whose share is `truth` in fact is no plausible one of `share`."""
    return 1 - _probability(accepted(trials, share, alarm), trials, truth)


def _probability(counts: range, trials: int, share: float) -> float:
    if share in {0, 1}:
        return float(trials * share in counts)
    return math.fsum(
        math.exp(
            math.lgamma(trials + 1)
            - math.lgamma(count + 1)
            - math.lgamma(trials - count + 1)
            + count * math.log(share)
            + (trials - count) * math.log1p(-share)
        )
        for count in counts
    )
