"""The rows of the benchmark, from its rounds."""

import pytest

from edged.bench.goals import BenchConditions
from edged.bench.report_values import Row, Section
from edged.bench.results import compute_section
from edged.bench.run_values import MemoryUse, ProgramRun, Round
from edged.bench.table import format_section

SLOW = BenchConditions(invoke_ms=14.0, frame=(1280, 720), model_input=(300, 300), ref="abc123")
_FRAME_MB = 1280 * 720 * 3 / (1 << 20)


def memory(rss_mb: float) -> MemoryUse:
    return MemoryUse(rss_mb=rss_mb, pss_mb=rss_mb / 2)


def make_daemon_run(
    *, fps: float = 90.0, added_s: float = 0.002, supervisor_s: float = 0.1
) -> ProgramRun:
    return ProgramRun(
        frames=100,
        wall_s=100 / fps,
        cpu_s={"supervisor": supervisor_s, "vision.0": 1.1},
        memory={"supervisor": memory(60.0), "vision.0": memory(75.0 + _FRAME_MB)},
        start_s=0.5,
        latency_s=(0.01 + added_s,) * 10,
        stage_s={"encode": 0.0007},
        energy_j=30.0,
    )


def make_round(daemon: ProgramRun, other: ProgramRun | None = None) -> Round:
    """Make a round whose bare interpreter takes 10 ms for an invocation, in wall time and CPU time."""
    bare = ProgramRun(
        frames=100,
        wall_s=1.0,
        cpu_s={"bare": 1.0},
        memory={"bare": memory(50.0)},
        start_s=0.1,
        invoke_s=0.01,
        energy_j=20.0,
    )
    tutorial = ProgramRun(
        frames=100,
        wall_s=1.25,
        cpu_s={"tutorial": 1.5},
        memory={"tutorial": memory(80.0)},
        start_s=0.2,
        latency_s=(0.014,) * 10,
    )
    runs = {"tutorial": tutorial, **({"abc123": other} if other else {}), "edged": daemon}
    return Round(bare=bare, saturated=runs, paced=runs, started=runs)


def find(section: Section, key: str) -> Row:
    return next(row for row in section.rows if row.key == key)


def test_ratios_are_computed_in_each_round_and_their_median_is_taken() -> None:
    rounds = [make_round(make_daemon_run(fps=fps)) for fps in (90.0, 70.0, 80.0)]
    section = compute_section(rounds, "s", SLOW)
    share = find(section, "share").values["edged"]
    assert (share.median, share.low, share.high, share.count) == pytest.approx((0.8, 0.7, 0.9, 3))
    fps = find(section, "fps")
    assert fps.values["bare"].median == pytest.approx(100.0)
    assert fps.ratios["tutorial"].high == pytest.approx(90 / 80)


def test_the_added_latency_is_beyond_one_invoke_and_related_to_the_tutorial_loop() -> None:
    section = compute_section([make_round(make_daemon_run(added_s=0.002))], "s", SLOW)
    p50 = find(section, "added_p50")
    assert p50.values["edged"].median == pytest.approx(2.0)
    assert p50.ratios["tutorial"].median == pytest.approx(0.5)
    assert "bare" not in p50.values


def test_cpu_time_is_divided_by_process() -> None:
    section = compute_section([make_round(make_daemon_run())], "s", SLOW)
    assert find(section, "cpu").values["edged"].median == pytest.approx(12.0)
    assert find(section, "cpu_worker").values["edged"].median == pytest.approx(11.0)
    assert find(section, "cpu_supervisor").values["edged"].median == pytest.approx(1.0)
    assert find(section, "beyond").values["edged"].median == pytest.approx(20.0)
    assert find(section, "beyond_worker").values["edged"].median == pytest.approx(10.0)
    assert find(section, "cpu").ratios["tutorial"].median == pytest.approx(0.8)
    assert "tutorial" not in find(section, "cpu_worker").values


def test_the_workers_memory_is_compared_with_the_bare_interpreter_without_one_frame() -> None:
    section = compute_section([make_round(make_daemon_run())], "s", SLOW)
    worker = find(section, "rss_worker")
    assert worker.ratios["bare"].median == pytest.approx(1.5)
    assert [goal.met for goal in worker.goals] == [True]


def test_start_energy_and_stages() -> None:
    section = compute_section([make_round(make_daemon_run())], "s", SLOW)
    assert find(section, "start_ratio").values["edged"].median == pytest.approx(5.0)
    assert find(section, "energy").values["edged"].median == pytest.approx(0.3)
    assert find(section, "energy").ratios["bare"].median == pytest.approx(1.5)
    assert find(section, "stage_encode").values["edged"].median == pytest.approx(0.7)


def test_what_was_not_measured_has_no_row() -> None:
    one = make_round(ProgramRun(frames=100, wall_s=1.0, cpu_s={"vision.0": 1.0}))
    keys = {row.key for row in compute_section([one], "s", SLOW).rows}
    assert "cpu" in keys
    quiet = Round(bare=one.bare, saturated=one.saturated, paced=one.paced, started={})
    without = {row.key for row in compute_section([quiet], "s", SLOW).rows}
    assert without.isdisjoint({"start", "start_ratio", "rss", "rss_worker", "stage_wait"})


def test_a_goal_against_another_build_is_checked_on_the_ratio() -> None:
    before = make_daemon_run(supervisor_s=0.4)
    met = compute_section([make_round(make_daemon_run(supervisor_s=0.1), before)], "s", SLOW)
    assert [g.met for g in find(met, "cpu_supervisor").goals] == [True]
    missed = compute_section([make_round(make_daemon_run(supervisor_s=0.2), before)], "s", SLOW)
    assert [g.met for g in find(missed, "cpu_supervisor").goals] == [False]
    assert find(missed, "cpu_supervisor").goals[0].text == "≤ 0.25 x abc123"


@pytest.mark.parametrize(
    ("invoke_ms", "frame", "text"),
    [
        (14.0, (1280, 720), "≥ 0.975"),
        (14.0, (300, 300), "≥ 0.985"),
        (1.1, (1280, 720), "≥ 0.85"),
    ],
)
def test_the_goal_of_the_share_depends_on_model_and_frame(
    invoke_ms: float, frame: tuple[int, int], text: str
) -> None:
    conditions = BenchConditions(invoke_ms=invoke_ms, frame=frame, model_input=(300, 300))
    section = compute_section([make_round(make_daemon_run())], "s", conditions)
    assert [goal.text for goal in find(section, "share").goals] == [text]


def test_the_table_has_a_column_for_each_program_and_ratio_and_edged_is_last() -> None:
    rounds = [make_round(make_daemon_run(fps=fps), make_daemon_run()) for fps in (70.0, 90.0)]
    lines = format_section(compute_section(rounds, "title", SLOW)).split("\n")
    assert lines[0] == "title"
    heads = lines[1].split()
    assert heads[:5] == ["unit", "bare", "tutorial", "abc123", "edged"]
    assert heads[5:] == ["/", "bare", "/", "tutorial", "/", "abc123", "goal"]
    share = next(line for line in lines if "share of the bare rate" in line)
    assert "0.800 (0.700..0.900)" in share
    assert "≥ 0.975: missed" in share
