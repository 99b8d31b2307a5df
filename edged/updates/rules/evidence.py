"""The evidence of a trial: an `EvidenceCollector` gathers it, and `edged.updates.rules.probation` judges it as a frozen `Evidence`.

Time in which the board throttles does not count, nor does anything measured in it. Failures that throttling does not excuse (a model that
gives nonsense, a lost worker) always count.
"""

import math
import random
from dataclasses import dataclass

from edged.clock import NS_PER_S

_RESERVOIR_SIZE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence of a trial so far.

    Attributes:
        worker_count: number of workers that run at the same time.
        measured_s: duration without the time in which the board throttled, seconds.
        throttled: the board throttles now.
        captured_frames: frames that the cameras gave.
        inferred_frames: frames on which the new model ran.
        failed_frames: frames on which it failed, whether the old model took over or not.
        timed_frames: frames with known durations. After a failed invocation, the shadow's time counts as the frame's, which is true of
            at most the share `Probation.max_error_rate` of the frames.
        frame_s_p50: median of the new model's time per frame (encode, invoke and decode), seconds; 0 if unknown.
        frame_s_p95: 95th percentile of that time, seconds; 0 if unknown.
        invoke_s_p95: 95th percentile of the interpreter's share of it, seconds; 0 if unknown.
        shadowed_frames: frames on which the old model ran as well.
        shadow_s_p50: median of the old model's time per frame on these, seconds; 0 if there were none.
        shadow_s_p95: 95th percentile of that time, seconds; 0 if there were none.
        shadow_total_s: sum of the old model's times over all workers, seconds.
        matched_boxes: boxes that both models detected.
        new_only_boxes: boxes that only the new model detected.
        old_only_boxes: boxes that only the old model detected.
        peak_memory_mb: peak memory of a worker, MiB; None if unknown.
        model_failure: why the new model cannot be used, as the worker reports; None if it can.
        worker_loss: why a worker was lost; None if none was.
    """

    worker_count: int = 1
    measured_s: float = 0.0
    throttled: bool = False
    captured_frames: int = 0
    inferred_frames: int = 0
    failed_frames: int = 0
    timed_frames: int = 0
    frame_s_p50: float = 0.0
    frame_s_p95: float = 0.0
    invoke_s_p95: float = 0.0
    shadowed_frames: int = 0
    shadow_s_p50: float = 0.0
    shadow_s_p95: float = 0.0
    shadow_total_s: float = 0.0
    matched_boxes: int = 0
    new_only_boxes: int = 0
    old_only_boxes: int = 0
    peak_memory_mb: float | None = None
    model_failure: str | None = None
    worker_loss: str | None = None

    @property
    def total_boxes(self) -> int:
        """The distinct boxes of both models, on the frames on which both ran."""
        return self.matched_boxes + self.new_only_boxes + self.old_only_boxes


class Reservoir:
    """A uniform sample of all durations, in constant memory (Vitter 1985, algorithm R)."""

    def __init__(self, size: int = _RESERVOIR_SIZE) -> None:
        self.count = 0
        self._size = size
        self._samples_ns: list[int] = []
        self._random = random.Random(0)  # noqa: S311 (it protects nothing)

    def add(self, duration_ns: int) -> None:
        """Add one duration."""
        self.count += 1
        if len(self._samples_ns) < self._size:
            self._samples_ns.append(duration_ns)
        elif (place := self._random.randrange(self.count)) < self._size:
            self._samples_ns[place] = duration_ns

    def quantile_s(self, quantile: float) -> float:
        """Return a quantile of the durations, seconds; 0 if there are none."""
        if not self._samples_ns:
            return 0.0
        return sorted(self._samples_ns)[math.ceil(quantile * len(self._samples_ns)) - 1] / NS_PER_S


@dataclass(slots=True)
class _CameraCounts:
    """The frame counters of one camera, as its worker reports them."""

    captured: int
    inferred: int
    failed: int


class EvidenceCollector:
    """Gathers the evidence of one trial."""

    def __init__(self) -> None:
        """Start with no evidence."""
        self._worker_count = 1
        self._measured_s = 0.0
        self._throttled = False
        self._last_counts: dict[str, _CameraCounts] = {}
        self._total_counts = _CameraCounts(0, 0, 0)
        self._shadow_replaced_frames = 0
        """Frames on which the old model ran because the new one failed; the workers count them as inferred."""
        self._frame_times = Reservoir()
        self._invoke_times = Reservoir()
        self._shadow_times = Reservoir()
        self._shadow_total_ns = 0
        self._matched_boxes = self._new_only_boxes = self._old_only_boxes = 0
        self._peak_memory_mb: float | None = None
        self._model_failure: str | None = None
        self._worker_loss: str | None = None

    def add_elapsed_time(self, seconds: float, *, throttled: bool, worker_count: int = 1) -> None:
        """Add elapsed time.

        Args:
            seconds: how much.
            throttled: the board throttles, until the next call.
            worker_count: number of workers that run at the same time.
        """
        self._worker_count = worker_count
        self._throttled = throttled
        if not throttled:
            self._measured_s += seconds

    def add_frame_counts(self, camera: str, *, captured: int, inferred: int, failed: int) -> None:
        """Add the frame counters of one camera, which count from its worker's start; the first call sets the origin.

        Args:
            camera: its name.
            captured: frames that the camera gave.
            inferred: frames on which a model ran.
            failed: frames on which none could.
        """
        now = _CameraCounts(captured, inferred, failed)
        last = self._last_counts.get(camera, now)
        self._last_counts[camera] = now
        if self._throttled:
            return
        self._total_counts.captured += max(now.captured - last.captured, 0)
        self._total_counts.inferred += max(now.inferred - last.inferred, 0)
        self._total_counts.failed += max(now.failed - last.failed, 0)

    def add_inference(self, *, frame_ns: int, invoke_ns: int) -> None:
        """Add a frame of the new model: its whole time (encode, invoke and decode), and the interpreter's share."""
        if not self._throttled:
            self._frame_times.add(frame_ns)
            self._invoke_times.add(invoke_ns)

    def add_comparison(self, *, both: int, only_new: int, only_old: int, old_ns: int) -> None:
        """Add the comparison of both models on one frame.

        Args:
            both: boxes that both detected.
            only_new: boxes that only the new model detected.
            only_old: boxes that only the old model detected.
            old_ns: the old model's time.
        """
        if self._throttled:
            return
        self._matched_boxes += both
        self._new_only_boxes += only_new
        self._old_only_boxes += only_old
        self._shadow_times.add(old_ns)
        self._shadow_total_ns += old_ns

    def add_failed_frame(self) -> None:
        """Count a frame on which the new model failed and the old one took over."""
        if not self._throttled:
            self._shadow_replaced_frames += 1

    def add_memory_sample(self, memory_mb: float) -> None:
        """Add the present memory of the largest worker, MiB."""
        self._peak_memory_mb = max(memory_mb, self._peak_memory_mb or 0.0)

    def set_model_failure(self, reason: str) -> None:
        """Note why the new model cannot be used; the first reason counts."""
        self._model_failure = self._model_failure or reason

    def set_worker_loss(self, reason: str) -> None:
        """Note why a worker was lost; the first reason counts."""
        self._worker_loss = self._worker_loss or reason

    def build_evidence(self) -> Evidence:
        """Return the evidence so far."""
        return Evidence(
            worker_count=self._worker_count,
            measured_s=self._measured_s,
            throttled=self._throttled,
            captured_frames=self._total_counts.captured,
            inferred_frames=max(self._total_counts.inferred - self._shadow_replaced_frames, 0),
            failed_frames=self._total_counts.failed + self._shadow_replaced_frames,
            timed_frames=self._frame_times.count,
            frame_s_p50=self._frame_times.quantile_s(0.5),
            frame_s_p95=self._frame_times.quantile_s(0.95),
            invoke_s_p95=self._invoke_times.quantile_s(0.95),
            shadowed_frames=self._shadow_times.count,
            shadow_s_p50=self._shadow_times.quantile_s(0.5),
            shadow_s_p95=self._shadow_times.quantile_s(0.95),
            shadow_total_s=self._shadow_total_ns / NS_PER_S,
            matched_boxes=self._matched_boxes,
            new_only_boxes=self._new_only_boxes,
            old_only_boxes=self._old_only_boxes,
            peak_memory_mb=self._peak_memory_mb,
            model_failure=self._model_failure,
            worker_loss=self._worker_loss,
        )
