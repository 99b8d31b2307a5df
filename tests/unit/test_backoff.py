from hypothesis import given
from hypothesis import strategies as st

from edged.backoff import Backoff


def test_the_bound_doubles_up_to_the_cap_and_begins_again() -> None:
    backoff = Backoff(initial_s=0.5, max_s=4.0, draw=lambda: 1.0)

    assert [backoff.next_wait_s() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    backoff.reset()
    assert backoff.next_wait_s() == 0.5


@given(st.lists(st.floats(0, 1, exclude_max=True), max_size=50))
def test_a_wait_is_never_beyond_the_cap(draws: list[float]) -> None:
    numbers = iter(draws)
    backoff = Backoff(initial_s=0.5, max_s=4.0, draw=lambda: next(numbers))

    assert all(0 <= backoff.next_wait_s() <= 4.0 for _ in draws)


def test_no_wait_is_below_the_least() -> None:
    backoff = Backoff(initial_s=1.0, max_s=4.0, min_share=0.25, draw=lambda: 0.0)

    assert [backoff.next_wait_s() for _ in range(4)] == [0.25, 0.5, 1.0, 1.0]
