"""Tests of whether a measurement is beyond its own spread. Pure.

Every test here is one-sided and keeps its error rate at any load of the host: it counts signs, or compares parts of the same trial, and
assumes no distribution of times.
"""

import math
from collections.abc import Iterable, Sequence

MAX_ERROR = 1e-3
"""The share of models at a limit for which a test says by chance that they are beyond it."""
MIN_GROUPS = 8
"""A spread between fewer groups means nothing."""
_MARGIN = 4.0
"""Standard errors between a limit and a share that is clearly beyond it: less than `MAX_ERROR` with 15 groups (Student's t)."""


def is_more_than(count: int, trials: int, share: float) -> bool:
    """Return whether there are more successes than chance gives (exact binomial test).

    Args:
        count: number of successes.
        trials: number of independent trials.
        share: the true share of successes that is still allowed, 0..1.
    """
    if count <= trials * share:
        return False
    return binomial_tail(count, trials, share) <= MAX_ERROR


def binomial_tail(count: int, trials: int, share: float) -> float:
    """Return the probability of at least `count` successes.

    Args:
        count: number of successes.
        trials: number of independent trials.
        share: probability of one success, 0..1.
    """
    if count <= 0:
        return 1.0
    if count > trials or share <= 0.0:
        return 0.0
    if share >= 1.0:
        return 1.0
    log_odds = math.log(share) - math.log1p(-share)
    log_term = (
        math.lgamma(trials + 1)
        - math.lgamma(count + 1)
        - math.lgamma(trials - count + 1)
        + count * math.log(share)
        + (trials - count) * math.log1p(-share)
    )
    total, term = 0.0, math.exp(log_term)
    ratio = math.exp(log_odds)
    for successes in range(count, trials + 1):
        total += term
        if term < total * 1e-12:
            break
        term *= ratio * (trials - successes) / (successes + 1)
    return min(total, 1.0)


def find_upper_bound(values: Sequence[float], quantile: float) -> float | None:
    """Return a value that the quantile of the whole population is below, but for `MAX_ERROR` (an order statistic); None if the sample is too small."""
    for rank in range(len(values), 0, -1):
        if binomial_tail(rank, len(values), quantile) > MAX_ERROR:
            return sorted(values)[rank] if rank < len(values) else None
    return None


def find_ratio_bounds(parts: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Return a lower and an upper bound of the ratio of two sums; None if there are too few groups to know its spread.

    The spread is that between consecutive groups (delete-one jackknife; Efron and Stein, 1981), so that frames that resemble their neighbours
    do not count as independent.

    Args:
        parts: numerator and denominator of each group, which add up to the ratio.
    """
    groups = [part for part in parts if part[1] > 0]
    if len(groups) < MIN_GROUPS:
        return None
    top, bottom = (sum(part[i] for part in groups) for i in (0, 1))
    partial = [(top - part[0]) / (bottom - part[1]) for part in groups if bottom - part[1] > 0]
    if len(partial) < MIN_GROUPS:
        return None
    mean = sum(partial) / len(partial)
    error = math.sqrt((len(partial) - 1) / len(partial) * sum((one - mean) ** 2 for one in partial))
    ratio = top / bottom
    return ratio - _MARGIN * error, ratio + _MARGIN * error


def median(values: Iterable[float]) -> float:
    """Return the middle one of `values` in their order, or the mean of the two in the middle.

    Raises:
        ValueError: there are none.
    """
    # Not by `statistics`, whose import with fractions and decimal takes 3 ms of the daemon's start.
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
