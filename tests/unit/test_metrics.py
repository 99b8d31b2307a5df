"""Latency windows and rates."""

from edged.clock import NS_PER_S
from edged.metrics import LatencyWindow, Rate


def test_a_window_gives_percentiles_of_the_newest() -> None:
    window = LatencyWindow(max_count=100)
    assert window.compute_quantiles_s() is None
    for ms in range(1, 201):
        window.add(ms * 1_000_000)
    quantiles = window.compute_quantiles_s()
    assert quantiles is not None
    p50, p95, p99 = quantiles
    assert (round(p50, 3), round(p95, 3), round(p99, 3)) == (0.15, 0.195, 0.199)


def test_a_rate_is_over_the_last_interval() -> None:
    rate = Rate()
    assert rate.update(10, NS_PER_S) == 0.0
    assert rate.update(30, 3 * NS_PER_S) == 10.0


def test_a_counter_that_starts_over_counts_from_zero() -> None:
    rate = Rate()
    rate.update(100, 0)
    assert rate.update(5, NS_PER_S) == 5.0
