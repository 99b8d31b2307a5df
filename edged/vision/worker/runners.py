"""Running inference on frames: with one model, or in a trial with the candidate and the old model beside it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from edged.errors import InvokeError, ModelError
from edged.model.agreement import ClassIdMapping, measure_agreement
from edged.types import Detections, Frame
from edged.vision.messages import (
    MAX_REASON_CHARS,
    CandidateFailure,
    FromWorker,
    ShadowComparison,
    WorkerPlan,
)
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.stages import FrameResult, Inference, InferencePipeline, PreparedFrame

_log = logging.getLogger(__name__)

_FrameFailure = tuple[Literal["invoke", "nonsense", "flood"], str]
"""What went wrong on a frame: its kind, and in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """The parts of a worker that stay when the model changes.

    Attributes:
        pipeline: the stages of inference.
        camera_indices: the cameras' indices in the job, by name.
        send: sends a message to the supervisor.
    """

    pipeline: InferencePipeline
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


class SingleModelRunner:
    """Runs one model."""

    def __init__(self, plan: WorkerPlan, loaded_model: LoadedModel, context: WorkerContext) -> None:
        """Take the plan's parts.

        Args:
            plan: has the lowest scores.
            loaded_model: the plan's model.
            context: the rest of the worker.
        """
        self._model = loaded_model.model
        self._pipeline = context.pipeline
        self._min_scores = _min_score_by_camera(plan, context)

    def infer(self, frame: Frame) -> FrameResult:
        """Run the model on a frame, whose pixels are masked in place.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        prepared = self._pipeline.prepare(frame)
        inference = self._pipeline.infer(self._model, prepared, self._min_scores[frame.camera])
        return FrameResult(
            prepared_frame=prepared, inference=inference, detections=inference.detections
        )

    def run_shadow(self, result: FrameResult) -> None:
        """Do nothing: there is no shadow."""


class TrialRunner:
    """Runs the candidate. The old model, its shadow, runs instead where the candidate fails, and beside it on every Nth frame of each camera.

    N counts the frames of each camera: counted over all frames together, of two cameras always the same one would be compared.
    """

    def __init__(
        self, plan: WorkerPlan, candidate: LoadedModel, shadow: LoadedModel, context: WorkerContext
    ) -> None:
        """Take the plan's parts.

        Args:
            plan: the trial's.
            candidate: the plan's model.
            shadow: the plan's shadow.
            context: the rest of the worker.
        """
        self._plan = plan
        self._candidate = candidate.model
        self._shadow = shadow.model
        self._class_count = len(candidate.labels)
        self._map_classes = ClassIdMapping(shadow.labels, candidate.labels)
        self._pipeline = context.pipeline
        self._send = context.send
        self._min_scores = _min_score_by_camera(plan, context)
        self._frames_since_comparison = dict.fromkeys(context.camera_indices, 0)
        self._has_candidate_failed = False
        """True if the candidate failed on the latest frame."""

    def infer(self, frame: Frame) -> FrameResult:
        """Run the candidate on a frame, whose pixels are masked in place, and the shadow if the candidate fails.

        Raises:
            InvokeError: both models failed, the shadow in its interpreter.
            ModelError: both models failed, the shadow with nonsense outputs.
        """
        prepared = self._pipeline.prepare(frame)
        min_score = self._min_scores[frame.camera]
        try:
            inference = self._infer_with_candidate(prepared, min_score)
            failure = self._check_detections(inference.detections)
        except (InvokeError, ModelError) as error:
            failure = _classify_failure(error)
        self._has_candidate_failed = failure is not None
        if failure is not None:
            self._report_failure(failure)
            inference = self._infer_with_shadow(prepared, min_score)
        detections = inference.detections[inference.detections.scores >= min_score]
        return FrameResult(prepared_frame=prepared, inference=inference, detections=detections)

    def run_shadow(self, result: FrameResult) -> None:
        """Run the shadow on a frame whose observation has been sent, if its turn has come, and report how the two models agree."""
        frame = result.prepared_frame.frame
        if not self._is_comparison_due(frame.camera):
            return
        score = self._plan.min_shadow_score
        try:
            old = self._pipeline.infer(self._shadow, result.prepared_frame, score)
        except (InvokeError, ModelError) as error:  # no evidence for or against the candidate
            _log.warning("the shadow, camera %s, frame %d: %s", frame.camera, frame.seq, error)
            return
        self._send(self._compare(result.inference, old))

    def _compare(self, new: Inference, old: Inference) -> ShadowComparison:
        confident = new.detections[new.detections.scores >= self._plan.min_shadow_score]
        agreement = measure_agreement(confident, self._map_classes(old.detections))
        return ShadowComparison(
            plan=self._plan.number,
            both=agreement.both,
            only_new=agreement.only_new,
            only_old=agreement.only_old,
            old_ns=old.total_ns,
        )

    def _is_comparison_due(self, camera: str) -> bool:
        """Count a frame of a camera; return whether the shadow runs on it."""
        count = self._frames_since_comparison[camera] + 1
        is_due = count >= self._plan.shadow_every and not self._has_candidate_failed
        self._frames_since_comparison[camera] = 0 if is_due else count
        return is_due

    def _infer_with_candidate(self, prepared_frame: PreparedFrame, min_score: float) -> Inference:
        # The comparison can need detections below the lowest score to report.
        score = min(min_score, self._plan.min_shadow_score)
        return self._pipeline.infer(self._candidate, prepared_frame, score)

    def _infer_with_shadow(self, prepared_frame: PreparedFrame, min_score: float) -> Inference:
        """Return the shadow's detections with the candidate's class ids; those of classes that the candidate lacks are left out."""
        inference = self._pipeline.infer(self._shadow, prepared_frame, min_score)
        detections = self._map_classes(inference.detections)
        return replace(inference, detections=detections[detections.class_ids >= 0])

    def _check_detections(self, detections: Detections) -> _FrameFailure | None:
        """Return what a decoder cannot know to be wrong: too many detections, or one of an unknown class."""
        confident = detections[detections.scores >= self._plan.min_shadow_score]
        if len(confident) > self._plan.max_boxes:
            return "flood", (
                f"{len(confident)} detections of at least {self._plan.min_shadow_score:.2f} in one frame; "
                f"{self._plan.max_boxes} are allowed"
            )
        highest, classes = int(confident.class_ids.max(initial=0)), self._class_count
        if classes and highest >= classes:
            return "nonsense", f"a detection of class {highest}; the model has {classes} labels"
        return None

    def _report_failure(self, failure: _FrameFailure) -> None:
        kind, reason = failure
        number = self._plan.number
        self._send(CandidateFailure(kind=kind, plan=number, reason=reason[:MAX_REASON_CHARS]))


def _min_score_by_camera(plan: WorkerPlan, context: WorkerContext) -> dict[str, float]:
    return {name: plan.cameras[index].min_score for name, index in context.camera_indices.items()}


def _classify_failure(error: InvokeError | ModelError) -> _FrameFailure:
    return "invoke" if isinstance(error, InvokeError) else "nonsense", str(error) or repr(error)
