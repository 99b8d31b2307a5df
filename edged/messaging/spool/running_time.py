"""The time line on which the spool measures ages."""

from edged.clock import Clock


class RunningTime:
    """The running time of the daemon, summed over all its runs with this spool.

    A wall clock that is set forward must not expire every message, and time in which the device was off does not count.
    """

    def __init__(self, clock: Clock, *, previous_ns: int) -> None:
        """Continue at `previous_ns`, the running time of the earlier runs."""
        self._clock = clock
        self._offset_ns = previous_ns - clock.monotonic_ns()

    def read_ns(self) -> int:
        """Return the running time until now."""
        return self._offset_ns + self._clock.monotonic_ns()
