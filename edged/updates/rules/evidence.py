"""What a trial shows: gathered by a `Witness`, and judged by `edged.updates.rules.probation` as frozen `Evidence`.

Time in which the board throttles is left out, with all that happens in it, except for what no throttling excuses: a model that
falters, and a worker that is lost.
"""

import math
import random
from dataclasses import dataclass

from edged.clock import NS_PER_S

_RESERVOIR_SIZE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a trial has shown so far.

    Attributes:
        worker_count: that look at the same time.
        measured_s: how long it has lasted, without the time in which the board throttled.
        throttled: the board throttles now.
        captured_frames: frames that the cameras gave.
        inferred_frames: frames that the new model saw.
        failed_frames: frames on which it failed, whether the old one looked at them instead or nobody did.
        timed_frames: frames of which the durations are known.
        frame_s_p50: median of a frame's time in the new model: encode, invoke and decode; 0 if none is known.
        frame_s_p95: 95th percentile of the same.
        invoke_s_p95: of the interpreter alone.
        shadowed_frames: frames that the old model saw as well.
        shadow_s_p50: median of such a frame's time in the old model; 0 if there was none.
        shadow_s_p95: 95th percentile of the same.
        shadow_total_s: all the time that the old model took, over all workers.
        matched_boxes: detections that both models have.
        new_only_boxes: that the old one does not have.
        old_only_boxes: that the new one does not have.
        peak_memory_mb: the most that the new model took, MiB; None if it is not known.
        model_failure: why the new model is of no use, as the worker says; "" if it is.
        worker_loss: why a worker was lost; "" if none was.
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
    model_failure: str = ""
    worker_loss: str = ""

    @property
    def total_boxes(self) -> int:
        """Of either model, on the frames that both saw."""
        return self.matched_boxes + self.new_only_boxes + self.old_only_boxes


class Reservoir:
    """Durations in constant memory: of all that ever came, each has the same chance to be kept (Vitter 1985, algorithm R)."""

    def __init__(self, size: int = _RESERVOIR_SIZE) -> None:
        self.count = 0
        self._size = size
        self._samples_ns: list[int] = []
        self._random = random.Random(0)  # noqa: S311 (nobody gains by guessing it)

    def add(self, duration_ns: int) -> None:
        """One more."""
        self.count += 1
        if len(self._samples_ns) < self._size:
            self._samples_ns.append(duration_ns)
        elif (place := self._random.randrange(self.count)) < self._size:
            self._samples_ns[place] = duration_ns

    def quantile_s(self, quantile: float) -> float:
        """This share of them were no longer; 0 if there was none."""
        if not self._samples_ns:
            return 0.0
        return sorted(self._samples_ns)[math.ceil(quantile * len(self._samples_ns)) - 1] / NS_PER_S


@dataclass(slots=True)
class _CameraCounts:
    """Of one camera, as its worker counts."""

    captured: int
    inferred: int
    failed: int


class EvidenceCollector:
    """Gathers the evidence of one trial; from its beginning on it is told all that happens."""

    def __init__(self, *, worker_count: int = 1) -> None:
        """Nothing was seen yet.

        Args:
            worker_count: that look at the same time.
        """
        self._worker_count = worker_count
        self._measured_s = 0.0
        self._throttled = False
        self._last_counts: dict[str, _CameraCounts] = {}
        self._total_counts = _CameraCounts(0, 0, 0)
        self._shadow_replaced_frames = 0
        """Frames that the old model saw because the new one failed; the workers count them as inferred."""
        self._frame_times = Reservoir()
        self._invoke_times = Reservoir()
        self._shadow_times = Reservoir()
        self._shadow_total_ns = 0
        self._matched_boxes = self._new_only_boxes = self._old_only_boxes = 0
        self._peak_memory_mb: float | None = None
        self._model_failure = ""
        self._worker_loss = ""

    def add_elapsed_time(self, seconds: float, *, throttled: bool) -> None:
        """Time has passed; what comes until the next call is of the same kind."""
        self._throttled = throttled
        if not throttled:
            self._measured_s += seconds

    def add_frame_counts(self, camera: str, *, captured: int, inferred: int, failed: int) -> None:
        """A worker says how many frames of one camera there were since its own start; the first time is where counting begins."""
        now = _CameraCounts(captured, inferred, failed)
        last = self._last_counts.get(camera, now)
        self._last_counts[camera] = now
        if self._throttled:
            return
        self._total_counts.captured += max(now.captured - last.captured, 0)
        self._total_counts.inferred += max(now.inferred - last.inferred, 0)
        self._total_counts.failed += max(now.failed - last.failed, 0)

    def add_inference(self, *, frame_ns: int, invoke_ns: int) -> None:
        """The new model saw a frame: its time with encode and decode, and that of the interpreter alone."""
        if not self._throttled:
            self._frame_times.add(frame_ns)
            self._invoke_times.add(invoke_ns)

    def add_comparison(self, *, both: int, only_new: int, only_old: int, old_ns: int) -> None:
        """Both models saw a frame; see `edged.vision.messages.ShadowComparison`."""
        if self._throttled:
            return
        self._matched_boxes += both
        self._new_only_boxes += only_new
        self._old_only_boxes += only_old
        self._shadow_times.add(old_ns)
        self._shadow_total_ns += old_ns

    def add_failed_frame(self) -> None:
        """The new model failed on a frame, and the old one looked at it instead."""
        if not self._throttled:
            self._shadow_replaced_frames += 1

    def add_memory_sample(self, memory_mb: float) -> None:
        """So much memory is the new model's at the moment."""
        self._peak_memory_mb = max(memory_mb, self._peak_memory_mb or 0.0)

    def set_model_failure(self, reason: str) -> None:
        """A worker says that the new model is of no use; the first reason counts."""
        self._model_failure = self._model_failure or reason

    def set_worker_loss(self, reason: str) -> None:
        """A worker was lost; the first reason counts."""
        self._worker_loss = self._worker_loss or reason

    def build_evidence(self) -> Evidence:
        """As of now."""
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
