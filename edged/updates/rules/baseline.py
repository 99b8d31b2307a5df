"""The baseline of a trial: the performance of the model in use before it. Pure: the caller gives the time."""

from collections import deque
from dataclasses import dataclass

from edged.clock import NS_PER_S
from edged.updates.rules.significance import find_upper_bound

FPS_WINDOW_S = 30.0
MAX_BASELINE_WAIT_S = 60.0
"""A trial begins without a baseline after this additional time: a lost camera must not hold it up."""
_MIN_MEASURED_S = 0.5
"""Also where a bundle asks for less: a rate needs two samples, and without one a trial would last for its longest time."""
_MAX_FRAMES = 512


@dataclass(frozen=True, slots=True)
class Baseline:
    """The performance of the old model; what is unknown is 0.

    Attributes:
        fps: frames per second on which it ran, over all cameras.
        frame_s: what the median of its net time per frame (encode, invoke and decode) is below, but for chance, seconds.
        memory_mb: memory of its largest worker, MiB.
    """

    fps: float = 0.0
    frame_s: float = 0.0
    memory_mb: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineMeasurement:
    """What was measured of the old model until now.

    Attributes:
        baseline: its performance.
        measured_s: the time from the first to the last sample of it, seconds; None without frames.
        waited_s: how long the measurement has lasted, frames or not, seconds.
    """

    baseline: Baseline
    measured_s: float | None
    waited_s: float

    def is_sufficient(self, min_baseline_s: float) -> bool:
        """Return whether it covers `min_baseline_s` seconds and has a rate, or no more is to be expected."""
        measured_s = self.measured_s or 0.0
        if measured_s >= max(min_baseline_s, _MIN_MEASURED_S) and self.baseline.fps > 0:
            return True
        return self.waited_s >= min_baseline_s + MAX_BASELINE_WAIT_S


class BaselineMeter:
    """Measures the model in use over the last half minute."""

    def __init__(self, now_ns: int) -> None:
        """Start measuring at this monotonic time."""
        self.reset(now_ns)

    def reset(self, now_ns: int) -> None:
        """Restart at this monotonic time: another model is active."""
        self._since_ns = now_ns
        self._frame_ns: deque[int] = deque(maxlen=_MAX_FRAMES)
        self._frames = 0
        self._memory_mb = 0.0
        self._frame_counts: deque[tuple[int, int]] = deque()
        """Monotonic times, and the number of frames until then."""

    def add_frame(self, frame_ns: int | None) -> None:
        """Count a frame and its net time in the model (encode, invoke and decode); None if it was not measured."""
        if frame_ns is not None:
            self._frame_ns.append(frame_ns)
        self._frames += 1

    def add_sample(self, now_ns: int) -> None:
        """Note how many frames there were until this monotonic time."""
        if self._frames:
            self._frame_counts.append((now_ns, self._frames))
        while self._frame_counts and now_ns - self._frame_counts[0][0] > FPS_WINDOW_S * NS_PER_S:
            self._frame_counts.popleft()

    def set_memory(self, memory_mb: float) -> None:
        """Note the present memory of the largest worker, MiB."""
        self._memory_mb = memory_mb

    def measure(self, now_ns: int) -> BaselineMeasurement:
        """Return the result until this monotonic time."""
        return BaselineMeasurement(
            baseline=self.baseline,
            measured_s=self.measured_s,
            waited_s=(now_ns - self._since_ns) / NS_PER_S,
        )

    @property
    def measured_s(self) -> float | None:
        """The time from the first to the last sample in the window; None without frames."""
        if not self._frame_counts:
            return None
        return (self._frame_counts[-1][0] - self._frame_counts[0][0]) / NS_PER_S

    @property
    def baseline(self) -> Baseline:
        """The result so far."""
        seconds, frame_ns = self.measured_s, find_upper_bound(tuple(self._frame_ns), 0.5) or 0.0
        if seconds is None:
            return Baseline(memory_mb=self._memory_mb)
        frames = self._frame_counts[-1][1] - self._frame_counts[0][1]
        return Baseline(
            fps=frames / seconds if seconds else 0.0,
            frame_s=frame_ns / NS_PER_S,
            memory_mb=self._memory_mb,
        )
