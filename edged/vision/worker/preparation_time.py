"""When the preparation of the next frame begins while an accelerator works: as late as possible, so that the frame is the newest one. Pure."""

_GAIN = 0.125
_DEVIATION_GAIN = 0.25
"""The gains of RFC 6298, section 2, which estimates a round trip in the same way."""
_DEVIATIONS = 3
"""The preparation begins so many mean deviations earlier than on average it has to."""
_MARGIN_NS = 100_000
"""A thread that sleeps wakes up about so much too late (Linux' timer slack is 50 µs)."""


class RunningEstimate:
    """The mean of a duration and its mean deviation, newer values counting more."""

    def __init__(self) -> None:
        """Know nothing: both are 0."""
        self.mean_ns = self.deviation_ns = 0.0
        self._is_known = False

    def add(self, value_ns: int) -> None:
        """Add a measured value, nanoseconds."""
        if not self._is_known:
            self.mean_ns, self.deviation_ns, self._is_known = float(value_ns), value_ns / 2, True
            return
        error_ns = value_ns - self.mean_ns
        self.mean_ns += _GAIN * error_ns
        self.deviation_ns += _DEVIATION_GAIN * (abs(error_ns) - self.deviation_ns)


class PreparationTime:
    """Learns how long invocations and preparations take, and tells when a preparation is to begin."""

    def __init__(self) -> None:
        """Know nothing: the first preparation begins at once."""
        self._invocation = RunningEstimate()
        self._preparation = RunningEstimate()

    def add_invocation(self, duration_ns: int) -> None:
        """Add how long an invocation took."""
        self._invocation.add(duration_ns)

    def add_preparation(self, duration_ns: int) -> None:
        """Add how long a preparation took, from when it was to begin."""
        self._preparation.add(duration_ns)

    def find_start_ns(self, invoked_ns: int) -> int:
        """Return the latest time at which a preparation can begin and be over when the accelerator becomes free.

        Args:
            invoked_ns: when the invocation that runs began, monotonic.
        """
        deviation_ns = self._invocation.deviation_ns + self._preparation.deviation_ns
        lead_ns = self._invocation.mean_ns - self._preparation.mean_ns
        return invoked_ns + max(int(lead_ns - _DEVIATIONS * deviation_ns) - _MARGIN_NS, 0)
