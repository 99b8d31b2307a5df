import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.vision.worker.preparation_time import PreparationTime

MS = 1_000_000


def learn(invocations_ms: list[float], preparations_ms: list[float]) -> PreparationTime:
    times = PreparationTime()
    for duration_ms in invocations_ms:
        times.add_invocation(int(duration_ms * MS))
    for duration_ms in preparations_ms:
        times.add_preparation(int(duration_ms * MS))
    return times


def test_the_first_preparation_begins_at_once() -> None:
    assert PreparationTime().find_start_ns(5 * MS) == 5 * MS


@pytest.mark.parametrize(("invoke_ms", "prepare_ms"), [(5.0, 0.8), (10.0, 1.0), (100.0, 3.0)])
def test_steady_times_give_the_latest_start_but_for_a_small_margin(
    invoke_ms: float, prepare_ms: float
) -> None:
    times = learn([invoke_ms] * 40, [prepare_ms] * 40)
    lead_ms = times.find_start_ns(0) / MS
    assert invoke_ms - prepare_ms - 0.2 < lead_ms < invoke_ms - prepare_ms


def test_where_preparing_takes_longer_it_begins_at_once() -> None:
    assert learn([2.0] * 20, [3.0] * 20).find_start_ns(7 * MS) == 7 * MS


def test_times_that_vary_give_an_earlier_start() -> None:
    steady = learn([10.0] * 40, [1.0] * 40).find_start_ns(0)
    varying = learn([9.0, 11.0] * 20, [0.6, 1.4] * 20).find_start_ns(0)
    assert varying < steady - MS


def test_it_follows_an_accelerator_that_becomes_slower() -> None:
    assert learn([5.0] * 40 + [20.0] * 40, [1.0]).find_start_ns(0) > 16 * MS


@given(
    st.lists(st.integers(0, 10**9), max_size=20),
    st.lists(st.integers(0, 10**9), max_size=20),
    st.integers(0, 2**62),
)
def test_it_never_begins_before_the_invocation(
    invocations_ns: list[int], preparations_ns: list[int], invoked_ns: int
) -> None:
    times = PreparationTime()
    for duration_ns in invocations_ns:
        times.add_invocation(duration_ns)
    for duration_ns in preparations_ns:
        times.add_preparation(duration_ns)
    assert times.find_start_ns(invoked_ns) >= invoked_ns
