"""Medians, spreads and ratios of the rounds. Pure."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from edged.bench.report_values import Spread


def spread_of(values: Sequence[float]) -> Spread:
    """Return the median, the lowest and the highest of at least one value."""
    return Spread(median=median(values), low=min(values), high=max(values), count=len(values))


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return a percentile of the values; None if there are none."""
    return float(np.percentile(np.array(values), percent)) if values else None


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Return the ratio; None if a part is missing or the denominator is not above 0."""
    if numerator is None or denominator is None or denominator <= 0:
        return None
    return numerator / denominator
