"""A clock that a test moves."""

from edged.clock import NS_PER_S


class FakeClock:
    """A clock with both time lines; `sleep` moves them at once."""

    def __init__(
        self, monotonic_ns: int = 1_000 * NS_PER_S, wall_ns: int = 1_795_000_000 * NS_PER_S
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def wall_ns(self) -> int:
        return self._wall_ns

    def sleep(self, seconds: float) -> None:
        self._monotonic_ns += int(seconds * NS_PER_S)
        self._wall_ns += int(seconds * NS_PER_S)

    def step_wall(self, seconds: float) -> None:
        """Step the wall clock, as NTP does on a Pi that booted without a clock."""
        self._wall_ns += int(seconds * NS_PER_S)
