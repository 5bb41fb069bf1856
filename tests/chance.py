"""Exact tests of counts that chance decides, with a stated rate of false alarms."""

import math
from collections.abc import Iterable


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


def _probability(counts: Iterable[int], trials: int, share: float) -> float:
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
