"""Running inference on frames: with one model. `edged.vision.worker.trial_runner` has the trial's way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from edged.clock import Clock
from edged.model.encode import fit_frame
from edged.scene.motion import PICTURE_SIZE
from edged.vision.messages import FromWorker, WorkerPlan
from edged.vision.worker.accelerator import AcceleratorThread
from edged.vision.worker.frame_selection import FrameSelection
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.net_time import MeasuredFrames
from edged.vision.worker.overlap import OverlappedInference
from edged.vision.worker.picture_rendering import HIDE_MIN_SCORE
from edged.vision.worker.pictures import WorkerPictures
from edged.vision.worker.region_inference import make_region_inference
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stage_results import FrameResult, PreparedFrame, make_result
from edged.vision.worker.stages import InferencePipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """The parts of a worker that stay when the model changes.

    Attributes:
        pipeline: the stages of inference.
        slots: the cameras' frames.
        selection: chooses the frames on which the model runs.
        pictures: has the frames of which pictures can be made.
        accelerator: the thread that invokes where frames overlap.
        clock: the clock of all times.
        camera_indices: the cameras' indices in the job, by name.
        send: sends a message to the supervisor.
    """

    pipeline: InferencePipeline
    slots: FrameSlots
    selection: FrameSelection
    pictures: WorkerPictures
    accelerator: AcceleratorThread
    clock: Clock
    camera_indices: Mapping[str, int]
    send: Callable[[FromWorker], None]

    def apply_camera_plans(self, plan: WorkerPlan) -> None:
        """Treat the cameras' frames by a plan from now on."""
        cameras = {name: plan.cameras[index] for name, index in self.camera_indices.items()}
        self.pipeline.set_masks({name: one.masks for name, one in cameras.items()})
        idle_ns = {name: one.inference.idle_interval_ns for name, one in cameras.items()}
        self.pipeline.set_idle_intervals(idle_ns)
        self.selection.apply(cameras, sees_every_frame=plan.sees_every_frame)
        self.pictures.apply(cameras)
        self.slots.set_weights({name: one.weight for name, one in cameras.items()})


class ModelRunner(Protocol):
    """Runs inference on every frame that is taken."""

    def infer(self, prepared: PreparedFrame) -> FrameResult:
        """Run inference on a frame.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """

    def run_shadow(self, result: FrameResult) -> None:
        """Run the shadow on a frame whose observation has been sent, if its turn has come."""

    def find_needed_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Return how large a camera's frames must be, width and height in pixels; None if they must have full size.

        Args:
            width: width of the camera's picture, pixels.
            height: height of the camera's picture, pixels.
        """

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes of the detections, by class id."""

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
        self._decode_scores = decode_score_by_camera(plan, context)
        self._measured_frames = MeasuredFrames()
        self._is_measuring = plan.sees_every_frame
        self._regions = make_region_inference(
            plan, loaded_model, context.pipeline, context.camera_indices
        )

    @cached_property
    def overlap(self) -> OverlappedInference | None:
        """The way to infer while frames wait; None if the model does not run on an accelerator, or runs on parts of frames."""
        if not self._model.is_on_device or self._regions is not None:
            return None
        context = self._context
        return OverlappedInference(
            self._model,
            pipeline=context.pipeline,
            accelerator=context.accelerator,
            slots=context.slots,
            min_scores=self._min_scores,
            decode_scores=self._decode_scores,
            is_measured=self._is_measured,
            clock=context.clock,
        )

    def infer(self, prepared: PreparedFrame) -> FrameResult:
        """Run the model on a frame.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        frame = prepared.frame
        decode_score = self._decode_scores[frame.camera]
        is_measured = self._is_measured(frame.received_ns + prepared.wait_ns)
        inference = self._pipeline.infer(
            self._model, prepared, decode_score, is_measured=is_measured
        )
        if self._regions is not None:
            inference = self._regions.extend(
                prepared, inference, decode_score, is_measured=is_measured
            )
        return make_result(prepared, inference, decode_score, self._min_scores[frame.camera])

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the model's classes, by class id."""
        return self._model.labels

    def run_shadow(self, result: FrameResult) -> None:
        """Do nothing: there is no shadow."""

    def find_needed_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the size of the model's input, or of the motion detector's picture where that is larger; None if the model runs on parts of frames."""
        return None if self._regions is not None else needed_size(self._model, width, height)

    def _is_measured(self, taken_ns: int) -> bool:
        """Return whether the net times of a frame that was taken at this time are measured; in a trial, and before one, those of all are."""
        return self._is_measuring or self._measured_frames.is_next(taken_ns)


def needed_size(model: LoadedModel, width: int, height: int) -> tuple[int, int]:
    """Return the size in pixels that a frame of `width` times `height` pixels must have at least for a model, and for motion detection."""
    _, _, inner_width, inner_height = fit_frame(model.model.family.input, width, height)[0]
    return max(inner_width, PICTURE_SIZE[0]), max(inner_height, PICTURE_SIZE[1])


def min_score_by_camera(plan: WorkerPlan, context: WorkerContext) -> dict[str, float]:
    """Return the lowest score to report, by camera."""
    return {name: plan.cameras[index].min_score for name, index in context.camera_indices.items()}


def decode_score_by_camera(plan: WorkerPlan, context: WorkerContext) -> dict[str, float]:
    """Return the lowest score for which the model is asked, by camera: below the lowest to report where objects are to be hidden."""
    scores = min_score_by_camera(plan, context)
    for name, index in context.camera_indices.items():
        pictures = plan.cameras[index].pictures
        if pictures is not None and pictures.hide:
            scores[name] = min(scores[name], HIDE_MIN_SCORE)
    return scores
