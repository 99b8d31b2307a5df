"""The suspension of a trial, while what it measures does not count: a pause is not a death, and the environment is not the model."""

from edged.clock import NS_PER_S, Clock
from edged.updates.service.system_sample import SystemSample

MAX_GAP_S = 2.0
"""The daemon samples several times a second: a longer time between two samples was a pause of the daemon itself. A disk that does not answer for longer keeps the workers from working as usual, too."""
SETTLE_S = 2.0
"""After a pause it takes so long until what had piled up is processed."""


class TrialSuspension:
    """Knows why nothing counts at the moment."""

    def __init__(self, clock: Clock) -> None:
        """Start without a reason.

        Args:
            clock: the clock of pauses.
        """
        self._clock = clock
        self._sampled_ns: int | None = None
        self._settled_ns = 0
        self._pause_reason = ""
        self._is_disk_silent = False
        self.reason: str | None = None
        """Why nothing counted at the last sample, in words; None if it did."""

    def update(self, sample: SystemSample, disk_silent_s: float = 0.0) -> float:
        """Take a sample of the system; return the seconds since the last one.

        Args:
            sample: the sample.
            disk_silent_s: how long a disk of the daemon has not answered, seconds; 0 if all do.
        """
        elapsed_s = self.notice_pause()
        self._sampled_ns = self._clock.monotonic_ns()
        self._is_disk_silent = disk_silent_s > MAX_GAP_S
        if self._is_disk_silent:
            self._suspend("a disk does not answer")
        self.reason = self.pause_reason or _find_reason(sample)
        return elapsed_s

    def notice_pause(self) -> float:
        """Notice a pause since the last sample, if there was one; return the seconds since then."""
        now_ns = self._clock.monotonic_ns()
        elapsed_s = 0.0 if self._sampled_ns is None else (now_ns - self._sampled_ns) / NS_PER_S
        if elapsed_s > MAX_GAP_S:
            self._suspend(f"the daemon itself was paused for {elapsed_s:.0f} s")
        return elapsed_s

    @property
    def is_disk_silent(self) -> bool:
        """True if a disk did not answer at the last sample."""
        return self._is_disk_silent

    @property
    def pause_reason(self) -> str | None:
        """The pause of the daemon, or the silence of a disk, that lasts or has just ended, in words; None if there is none."""
        return self._pause_reason if self._clock.monotonic_ns() < self._settled_ns else None

    def _suspend(self, reason: str) -> None:
        """Let nothing count for this reason until what has piled up is processed."""
        self._pause_reason = reason
        self._settled_ns = self._clock.monotonic_ns() + int(SETTLE_S * NS_PER_S)


def _find_reason(sample: SystemSample) -> str | None:
    if sample.throttled:
        return "the board throttles"
    if sample.obstacle is not None:
        return sample.obstacle
    lost = sorted(name for name, frames in sample.cameras.items() if not frames.is_online)
    if lost and len(lost) == len(sample.cameras):
        return f"no camera delivers frames ({', '.join(lost)})"
    return None
