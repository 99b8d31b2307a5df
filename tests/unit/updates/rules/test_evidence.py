"""What a trial shows is gathered in constant memory, and not while the board throttles."""

import random

import pytest

from edged.updates.rules.evidence import Evidence, EvidenceCollector, Reservoir

MS = 1_000_000


def test_nothing_was_seen_at_first() -> None:
    assert EvidenceCollector().build_evidence() == Evidence()


def test_the_number_of_workers_comes_with_the_elapsed_time() -> None:
    collector = EvidenceCollector()
    collector.add_elapsed_time(1.0, throttled=False, worker_count=2)
    assert collector.build_evidence() == Evidence(worker_count=2, measured_s=1.0)


def test_counters_begin_where_the_trial_does() -> None:
    collector = EvidenceCollector()
    collector.add_frame_counts("front", captured=1000, inferred=990, failed=3)
    collector.add_frame_counts("front", captured=1010, inferred=999, failed=4)
    collector.add_frame_counts("back", captured=5, inferred=5, failed=0)
    collector.add_frame_counts("back", captured=7, inferred=6, failed=0)
    seen = collector.build_evidence()
    assert (seen.captured_frames, seen.inferred_frames, seen.failed_frames) == (12, 10, 1)


def test_a_worker_that_counts_anew_takes_nothing_away() -> None:
    collector = EvidenceCollector()
    for captured in (100, 110, 2, 4):
        collector.add_frame_counts("front", captured=captured, inferred=captured, failed=0)
    assert collector.build_evidence().captured_frames == 12


def test_the_time_of_a_throttled_board_does_not_count() -> None:
    collector = EvidenceCollector()
    collector.add_frame_counts("front", captured=0, inferred=0, failed=0)
    for throttled, until in ((False, 10), (True, 30), (False, 35)):
        collector.add_elapsed_time(2.0, throttled=throttled)
        collector.add_frame_counts("front", captured=until, inferred=until, failed=until)
        collector.add_inference(frame_ns=until * MS, invoke_ns=MS)
        collector.add_comparison(both=1, only_new=2, only_old=3, old_ns=MS)
        assert collector.build_evidence().throttled == throttled
    seen = collector.build_evidence()
    assert (seen.measured_s, seen.captured_frames, seen.inferred_frames, seen.failed_frames) == (
        4.0,
        15,
        15,
        15,
    )
    assert (seen.timed_frames, seen.frame_s_p95, seen.invoke_s_p95) == (2, 0.035, 0.001)
    assert (seen.shadowed_frames, seen.shadow_total_s) == (2, 0.002)
    assert (seen.matched_boxes, seen.new_only_boxes, seen.old_only_boxes, seen.total_boxes) == (
        2,
        4,
        6,
        12,
    )


def test_where_the_old_model_stood_in_the_new_one_failed() -> None:
    collector = EvidenceCollector()
    for count in (0, 10):
        collector.add_frame_counts("front", captured=count, inferred=count, failed=0)
    collector.add_failed_frame()
    collector.add_failed_frame()
    collector.add_elapsed_time(1.0, throttled=True)
    collector.add_failed_frame()
    seen = collector.build_evidence()
    assert (seen.captured_frames, seen.inferred_frames, seen.failed_frames) == (10, 8, 2)
    assert not seen.model_failure


def test_throttling_excuses_no_nonsense_and_no_loss() -> None:
    collector = EvidenceCollector()
    collector.add_elapsed_time(1.0, throttled=True)
    collector.set_model_failure("NaN among the scores")
    collector.set_model_failure("another")
    collector.set_worker_loss("killed by SIGSEGV")
    collector.set_worker_loss("another")
    seen = collector.build_evidence()
    assert (seen.model_failure, seen.worker_loss) == ("NaN among the scores", "killed by SIGSEGV")


def test_the_most_memory_counts() -> None:
    collector = EvidenceCollector()
    assert collector.build_evidence().peak_memory_mb is None
    for mb in (40.0, 60.0, 50.0):
        collector.add_memory_sample(mb)
    assert collector.build_evidence().peak_memory_mb == 60.0


@pytest.mark.parametrize(("count", "p95_s"), [(1, 0.001), (20, 0.019), (100, 0.095), (200, 0.19)])
def test_what_fits_is_kept_whole(count: int, p95_s: float) -> None:
    reservoir = Reservoir(size=200)
    for ms in range(1, count + 1):
        reservoir.add(ms * MS)
    assert (reservoir.count, reservoir.quantile_s(0.95)) == (count, p95_s)


def test_an_empty_reservoir_has_no_quantiles() -> None:
    assert Reservoir().quantile_s(0.95) == 0.0


def test_what_does_not_fit_is_sampled_from_beginning_to_end() -> None:
    """The first half is fast, the second slow: neither the oldest nor the newest alone decide."""
    reservoir, noise = Reservoir(), random.Random(7)
    for number in range(40_000):
        slow = number >= 37_000  # 7.5 of 100: more than the 5 that p95 leaves out
        reservoir.add((30 if slow else 10) * MS + noise.randrange(1000))
    assert reservoir.quantile_s(0.95) == pytest.approx(0.030, abs=1e-5)
    for number in range(40_000):
        reservoir.add(10 * MS + number)  # now it was 3.75 of 100
    assert reservoir.quantile_s(0.95) == pytest.approx(0.010, abs=1e-4)
