"""The evidence of a trial: an `EvidenceCollector` gathers it, and `edged.updates.rules.probation` judges it as a frozen `Evidence`.

A trial can be suspended: while the board throttles, the daemon itself was paused, no camera delivers, or the disk is full. That time does not
count, nor does anything measured in it. Failures that nothing outside the model explains (nonsense, a worker that crashed) always count.

Times are *net*: without the time in which the worker waited for a processor (`edged.vision.worker.net_time`).
"""

from dataclasses import dataclass

from edged.updates.rules.samples import (
    Comparison,
    FrameWindow,
    Groups,
    PairedTimes,
    Reservoir,
)

_MIN_WINDOW_S = 1.0
_MIN_WINDOW_FRAMES = 20
"""With fewer captured frames, one frame that falls into the next window would already be a loss."""
_MAX_WINDOWS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence of a trial so far.

    Attributes:
        measured_s: duration without the time in which the trial was suspended, seconds.
        suspended_reason: why nothing counts at the moment, in words; None if it does.
        captured_frames: frames that the cameras gave.
        inferred_frames: frames on which the new model ran.
        failed_frames: frames on which it failed and the old model did not.
        timed_frames: frames with known durations.
        frame_ns: a sample of the new model's net times per frame (encode, invoke and decode), nanoseconds.
        invoke_ns: the interpreter's share of these, nanoseconds.
        windows: the frames of consecutive parts of the trial.
        shadowed_frames: frames on which the old model ran as well.
        pairs: net times per frame of both models on a sample of these frames, two at a time: on one of the two each model came first.
        comparisons: the boxes on consecutive parts of these frames.
        peak_memory_mb: peak memory of a worker, MiB; None if unknown.
        uses_delegate: the new model runs on an accelerator.
        model_failure: why the new model cannot be used, as the worker reports; None if it can.
        outside_failure: why it cannot be used here, for a reason outside the model; None if it can.
        worker_loss: why a worker was lost, if nothing outside the model explains it; None if none was.
        outside_losses: why workers were lost, for reasons outside the model.
    """

    measured_s: float = 0.0
    suspended_reason: str | None = None
    captured_frames: int = 0
    inferred_frames: int = 0
    failed_frames: int = 0
    timed_frames: int = 0
    frame_ns: tuple[int, ...] = ()
    invoke_ns: tuple[int, ...] = ()
    windows: tuple[FrameWindow, ...] = ()
    shadowed_frames: int = 0
    pairs: tuple[PairedTimes, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    peak_memory_mb: float | None = None
    uses_delegate: bool = False
    model_failure: str | None = None
    outside_failure: str | None = None
    worker_loss: str | None = None
    outside_losses: tuple[str, ...] = ()

    @property
    def boxes(self) -> Comparison:
        """The boxes on all frames on which both models ran."""
        return Comparison.sum_up(self.comparisons)

    @property
    def total_boxes(self) -> int:
        """The distinct boxes of both models, on the frames on which both ran."""
        return self.boxes.total


@dataclass(slots=True)
class _CameraCounts:
    """The frame counters of one camera, as its worker reports them."""

    captured: int
    inferred: int
    failed: int


class EvidenceCollector:
    """Gathers the evidence of one trial."""

    def __init__(self, *, uses_delegate: bool = False) -> None:
        """Start with no evidence; `uses_delegate` says that the new model runs on an accelerator."""
        self._uses_delegate = uses_delegate
        self._measured_s = 0.0
        self._suspended_reason: str | None = None
        self._last_counts: dict[str, _CameraCounts] = {}
        self._total_counts = _CameraCounts(0, 0, 0)
        self._replaced_frames = 0
        """Frames on which the old model ran because the new one failed; the workers count them as inferred."""
        self._shared_failures = 0
        """Frames on which both models failed; the workers count them as failed."""
        self._frame_times: Reservoir[int] = Reservoir()
        self._invoke_times: Reservoir[int] = Reservoir()
        self._pairs: Reservoir[PairedTimes] = Reservoir()
        self._unpaired: dict[bool, PairedTimes] = {}
        """The times that wait for those of a frame on which the other model came first, by which did."""
        self._shadowed_frames = 0
        self._windows: Reservoir[FrameWindow] = Reservoir(_MAX_WINDOWS)
        self._window = FrameWindow()
        self._shadow_s = 0.0
        """The shadow's time in the present window."""
        self._comparisons: Groups[Comparison] = Groups(Comparison.plus)
        self._peak_memory_mb: float | None = None
        self._model_failure: str | None = None
        self._outside_failure: str | None = None
        self._worker_loss: str | None = None
        self._outside_losses: list[str] = []

    def suspend(self, reason: str | None) -> None:
        """Count nothing from now on, for this reason; None: count again."""
        if reason is not None:
            self._window, self._shadow_s = FrameWindow(), 0.0
        self._suspended_reason = reason

    def add_elapsed_time(self, seconds: float, *, waited_s: float = 0.0, workers: int = 1) -> None:
        """Add elapsed time; call `add_frame_counts` for every camera before.

        Args:
            seconds: how much.
            waited_s: for how much of it the workers waited for a processor, over all workers.
            workers: number of workers that run at the same time.
        """
        if self._suspended_reason is not None:
            return
        self._measured_s += seconds
        own_s = max(seconds - (waited_s + self._shadow_s) / workers, 0.0)
        self._shadow_s = 0.0
        self._window = self._window.plus(FrameWindow(wall_s=seconds, own_s=own_s))
        if self._window.wall_s >= _MIN_WINDOW_S and self._window.captured >= _MIN_WINDOW_FRAMES:
            self._windows.add(self._window)
            self._window = FrameWindow()

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
        if self._suspended_reason is not None:
            return
        new = FrameWindow(
            captured=max(now.captured - last.captured, 0),
            inferred=max(now.inferred - last.inferred, 0),
        )
        self._window = self._window.plus(new)
        self._total_counts.captured += new.captured
        self._total_counts.inferred += new.inferred
        self._total_counts.failed += max(now.failed - last.failed, 0)

    def add_inference(self, *, frame_ns: int, invoke_ns: int) -> None:
        """Add the net times of a frame of the new model: the whole one (encode, invoke and decode), and the interpreter's share."""
        if self._suspended_reason is None:
            self._frame_times.add(frame_ns)
            self._invoke_times.add(invoke_ns)

    def add_comparison(
        self, comparison: Comparison, times: PairedTimes, *, is_new_first: bool, shadow_s: float
    ) -> None:
        """Add the comparison of both models on one frame.

        Args:
            comparison: their boxes.
            times: their net times.
            is_new_first: the new model ran first.
            shadow_s: how long the old model kept the worker busy, seconds.
        """
        if self._suspended_reason is None:
            self._comparisons.add(comparison)
            self._shadowed_frames += 1
            self._shadow_s += shadow_s
            self._add_times(times, is_new_first=is_new_first)

    def _add_times(self, times: PairedTimes, *, is_new_first: bool) -> None:
        """Pair the times with those of a frame on which the other model came first."""
        counterpart = self._unpaired.pop(not is_new_first, None)
        if counterpart is None:
            self._unpaired[is_new_first] = times
        else:
            self._pairs.add(times.balance(counterpart))

    def add_failed_frame(self) -> None:
        """Count a frame on which the new model failed and the old one took over."""
        if self._suspended_reason is None:
            self._replaced_frames += 1

    def add_shared_failure(self) -> None:
        """Count a frame on which both models failed, which says nothing about the new one."""
        if self._suspended_reason is None:
            self._shared_failures += 1

    def add_memory_sample(self, memory_mb: float) -> None:
        """Add the present memory of the largest worker, MiB."""
        self._peak_memory_mb = max(memory_mb, self._peak_memory_mb or 0.0)

    def set_model_failure(self, reason: str) -> None:
        """Note why the new model cannot be used; the first reason counts."""
        self._model_failure = self._model_failure or reason

    def set_outside_failure(self, reason: str) -> None:
        """Note why the new model cannot be used here, for a reason outside the model; the first one counts."""
        self._outside_failure = self._outside_failure or reason

    def set_worker_loss(self, reason: str) -> None:
        """Note why a worker was lost, if nothing outside the model explains it; the first reason counts."""
        self._worker_loss = self._worker_loss or reason

    def add_outside_loss(self, reason: str) -> None:
        """Note why a worker was lost, for a reason outside the model."""
        self._outside_losses.append(reason)

    def build_evidence(self) -> Evidence:
        """Return the evidence so far."""
        counts = self._total_counts
        return Evidence(
            measured_s=self._measured_s,
            suspended_reason=self._suspended_reason,
            captured_frames=counts.captured,
            inferred_frames=max(counts.inferred - self._replaced_frames, 0),
            failed_frames=max(counts.failed - self._shared_failures, 0) + self._replaced_frames,
            timed_frames=self._frame_times.count,
            frame_ns=self._frame_times.items,
            invoke_ns=self._invoke_times.items,
            windows=self._windows.items,
            shadowed_frames=self._shadowed_frames,
            pairs=self._pairs.items,
            comparisons=self._comparisons.items,
            peak_memory_mb=self._peak_memory_mb,
            uses_delegate=self._uses_delegate,
            model_failure=self._model_failure,
            outside_failure=self._outside_failure,
            worker_loss=self._worker_loss,
            outside_losses=tuple(self._outside_losses),
        )
