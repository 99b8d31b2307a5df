"""The result of the benchmark, from its runs."""

import pytest

from edged.bench.results import BareRun, PacedRun, Pair, SaturatedRun, compute_result, format_table


def make_pair(*, daemon_fps: float, added_s: float = 0.002) -> Pair:
    """Make a pair whose bare interpreter takes 10 ms for an invocation, in wall time and CPU time."""
    return Pair(
        bare=BareRun(invokes=100, wall_s=1.0, cpu_s=1.0, rss_mb=50.0, startup_s=0.1),
        saturated=SaturatedRun(
            frames=100,
            wall_s=100 / daemon_fps,
            cpu_s={"supervisor": 0.1, "vision.0": 1.1},
            rss_mb={"supervisor": 60.0, "vision.0": 100.0},
            startup_s=0.5,
        ),
        paced=PacedRun(latency_s=(0.01 + added_s,) * 10),
    )


def test_ratios_are_medians_over_the_pairs() -> None:
    pairs = [make_pair(daemon_fps=fps) for fps in (90.0, 70.0, 80.0)]
    result = compute_result(pairs, machine="m", model="x", runtime="litert", frame="4x4")
    assert (result.pairs, result.fps_bare, result.fps_pipeline) == (3, 100.0, 80.0)
    assert (result.fps_share, result.fps_share_spread) == (0.8, (0.7, 0.9))
    assert result.added_ms.p50 == pytest.approx(2.0)
    assert result.cpu_beyond_invoke_share == pytest.approx(0.2)
    assert result.cpu_beyond_invoke_share_worker == pytest.approx(0.1)
    assert result.rss_mb == {"bare": 50.0, "supervisor": 60.0, "vision.0": 100.0}
    assert (result.startup_s, result.startup_ratio) == (0.5, 5.0)
    assert "daemon / bare interpreter       0.800  (0.700 .. 0.900)" in format_table(result)
