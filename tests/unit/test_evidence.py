"""What a trial shows is gathered in constant memory, and not while the board throttles."""

import random

import pytest

from edged.updates.rules.evidence import Evidence, Reservoir, Witness

MS = 1_000_000


def test_nothing_was_seen_at_first() -> None:
    assert Witness(workers=2).evidence() == Evidence(workers=2)


def test_counters_begin_where_the_trial_does() -> None:
    witness = Witness()
    witness.counted("front", captured=1000, inferred=990, failed=3)
    witness.counted("front", captured=1010, inferred=999, failed=4)
    witness.counted("back", captured=5, inferred=5, failed=0)
    witness.counted("back", captured=7, inferred=6, failed=0)
    seen = witness.evidence()
    assert (seen.captured, seen.inferred, seen.failed) == (12, 10, 1)


def test_a_worker_that_counts_anew_takes_nothing_away() -> None:
    witness = Witness()
    for captured in (100, 110, 2, 4):
        witness.counted("front", captured=captured, inferred=captured, failed=0)
    assert witness.evidence().captured == 12


def test_the_time_of_a_throttled_board_does_not_count() -> None:
    witness = Witness()
    witness.counted("front", captured=0, inferred=0, failed=0)
    for throttled, until in ((False, 10), (True, 30), (False, 35)):
        witness.passed(2.0, throttled=throttled)
        witness.counted("front", captured=until, inferred=until, failed=until)
        witness.looked(frame_ns=until * MS, invoke_ns=MS)
        witness.compared(both=1, only_new=2, only_old=3, old_ns=MS)
        assert witness.evidence().throttled == throttled
    seen = witness.evidence()
    assert (seen.judged_s, seen.captured, seen.inferred, seen.failed) == (4.0, 15, 15, 15)
    assert (seen.timed, seen.frame_s_p95, seen.invoke_s_p95) == (2, 0.035, 0.001)
    assert (seen.shadowed, seen.shadow_s) == (2, 0.002)
    assert (seen.both, seen.only_new, seen.only_old, seen.boxes) == (2, 4, 6, 12)


def test_where_the_old_model_stood_in_the_new_one_failed() -> None:
    witness = Witness()
    for count in (0, 10):
        witness.counted("front", captured=count, inferred=count, failed=0)
    witness.failed()
    witness.failed()
    witness.passed(1.0, throttled=True)
    witness.failed()
    seen = witness.evidence()
    assert (seen.captured, seen.inferred, seen.failed) == (10, 8, 2)
    assert not seen.faltered


def test_throttling_excuses_no_nonsense_and_no_loss() -> None:
    witness = Witness()
    witness.passed(1.0, throttled=True)
    witness.faltered("NaN among the scores")
    witness.faltered("another")
    witness.lost("killed by SIGSEGV")
    witness.lost("another")
    seen = witness.evidence()
    assert (seen.faltered, seen.lost) == ("NaN among the scores", "killed by SIGSEGV")


def test_the_most_memory_counts() -> None:
    witness = Witness()
    assert witness.evidence().memory_mb is None
    for mb in (40.0, 60.0, 50.0):
        witness.weighed(mb)
    assert witness.evidence().memory_mb == 60.0


@pytest.mark.parametrize(("count", "p95_s"), [(1, 0.001), (20, 0.019), (100, 0.095), (200, 0.19)])
def test_what_fits_is_kept_whole(count: int, p95_s: float) -> None:
    reservoir = Reservoir(size=200)
    for ms in range(1, count + 1):
        reservoir.add(ms * MS)
    assert (reservoir.count, reservoir.quantile_s(0.95)) == (count, p95_s)


def test_an_empty_reservoir_says_nothing() -> None:
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
