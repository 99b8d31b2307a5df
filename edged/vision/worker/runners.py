"""Running inference on frames: with one model. `edged.vision.worker.trial_runner` has the trial's way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from edged.clock import Clock
from edged.types import Frame
from edged.vision.messages import FromWorker, WorkerPlan
from edged.vision.worker.accelerator import AcceleratorThread
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.net_time import MeasuredFrames
from edged.vision.worker.overlap import OverlappedInference
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stage_results import FrameResult
from edged.vision.worker.stages import InferencePipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """The parts of a worker that stay when the model changes.

    Attributes:
        pipeline: the stages of inference.
        slots: the cameras' frames.
        accelerator: the thread that invokes where frames overlap.
        clock: the clock of all times.
        camera_indices: the cameras' indices in the job, by name.
        send: sends a message to the supervisor.
    """

    pipeline: InferencePipeline
    slots: FrameSlots
    accelerator: AcceleratorThread
    clock: Clock
    camera_indices: Mapping[str, int]
    send: Callable[[FromWorker], None]


class ModelRunner(Protocol):
    """Runs inference on every frame that is taken."""

    def infer(self, frame: Frame) -> FrameResult:
        """Run inference on a frame, whose pixels are masked in place.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """

    def run_shadow(self, result: FrameResult) -> None:
        """Run the shadow on a frame whose observation has been sent, if its turn has come."""

    @property
    def overlap(self) -> OverlappedInference | None:
        """The way to infer while frames wait, in place of `infer`; None if frames do not overlap."""


class SingleModelRunner:
    """Runs one model."""

    def __init__(self, plan: WorkerPlan, loaded_model: LoadedModel, context: WorkerContext) -> None:
        """Take the plan's parts.

        Args:
            plan: has the lowest scores.
            loaded_model: the plan's model.
            context: the rest of the worker.
        """
        self._model = loaded_model
        self._context = context
        self._pipeline = context.pipeline
        self._min_scores = min_score_by_camera(plan, context)
        self._measured_frames = MeasuredFrames()
        self._is_trial = plan.shadow is not None

    @cached_property
    def overlap(self) -> OverlappedInference | None:
        """The way to infer while frames wait; None if the model does not run on an accelerator."""
        if not self._model.is_on_device:
            return None
        context = self._context
        return OverlappedInference(
            self._model,
            pipeline=context.pipeline,
            accelerator=context.accelerator,
            slots=context.slots,
            min_scores=self._min_scores,
            is_measured=self._is_measured,
            clock=context.clock,
        )

    def infer(self, frame: Frame) -> FrameResult:
        """Run the model on a frame, whose pixels are masked in place.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        prepared = self._pipeline.prepare(frame)
        inference = self._pipeline.infer(
            self._model,
            prepared,
            self._min_scores[frame.camera],
            is_measured=self._is_measured(frame.received_ns + prepared.wait_ns),
        )
        return FrameResult(
            prepared_frame=prepared, inference=inference, detections=inference.detections
        )

    def run_shadow(self, result: FrameResult) -> None:
        """Do nothing: there is no shadow."""

    def _is_measured(self, taken_ns: int) -> bool:
        """Return whether the net times of a frame that was taken at this time are measured; in a trial those of all are."""
        return self._is_trial or self._measured_frames.is_next(taken_ns)


def min_score_by_camera(plan: WorkerPlan, context: WorkerContext) -> dict[str, float]:
    """Return the lowest score to report, by camera."""
    return {name: plan.cameras[index].min_score for name, index in context.camera_indices.items()}
