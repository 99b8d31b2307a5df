"""Latency windows, histograms and rates."""

from edged.clock import NS_PER_S
from edged.metrics import LATENCY_BOUNDS_S, LatencyHistogram, LatencyWindow, Rate


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


def test_a_histogram_counts_a_duration_in_one_bucket() -> None:
    histogram = LatencyHistogram()
    for duration_ms in (0.1, 20.0, 20.1, 9_000.0):
        histogram.add(round(duration_ms * 1_000_000))
    found = dict(zip((*LATENCY_BOUNDS_S, "above"), histogram.counts, strict=True))
    assert {bound: count for bound, count in found.items() if count} == {
        0.0005: 1,
        0.02: 1,  # the bound itself is inside
        0.03: 1,
        "above": 1,
    }
    assert histogram.sum_ns == 9_040_200_000
