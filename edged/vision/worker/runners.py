"""Who looks through the cameras: one model, or one on trial with the old model beside it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from edged.errors import InvokeError, ModelError
from edged.model.agreement import ClassIdMapping, measure_agreement
from edged.types import Detections, Frame
from edged.vision.messages import CandidateFailure, FromWorker, ShadowComparison, WorkerPlan
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.stages import FrameResult, Inference, InferencePipeline, PreparedFrame

_log = logging.getLogger(__name__)

_MAX_REASON_CHARS = 4096
_FrameFailure = tuple[Literal["invoke", "nonsense", "flood"], str]
"""What went wrong on a frame, and in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """What stays, whichever model looks.

    Attributes:
        pipeline: the cameras' masks and motion.
        camera_indices: their indices, by name.
        send: tells the supervisor.
    """

    pipeline: InferencePipeline
    camera_indices: Mapping[str, int]
    send: Callable[[FromWorker], None]


class ModelRunner(Protocol):
    """Looks at every frame that is taken."""

    def infer(self, frame: Frame) -> FrameResult:
        """Look; the frame's pixels are masked in place.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """

    def run_shadow(self, result: FrameResult) -> None:
        """What else there is to do about a frame, once its observation has been told."""


class SingleModelRunner:
    """One model looks."""

    def __init__(self, plan: WorkerPlan, loaded_model: LoadedModel, context: WorkerContext) -> None:
        self._plan = plan
        self._loaded_model = loaded_model
        self._context = context

    def infer(self, frame: Frame) -> FrameResult:
        """See `ModelRunner`."""
        vision = self._context.pipeline
        prepared = vision.prepare(frame)
        min_score = self._plan.min_scores[self._context.camera_indices[frame.camera]]
        look = vision.infer(self._loaded_model.model, prepared, min_score)
        return FrameResult(prepared_frame=prepared, inference=look, detections=look.detections)

    def run_shadow(self, result: FrameResult) -> None:
        """See `ModelRunner`."""


class TrialRunner:
    """The new model looks. The old one, its shadow, stands in where it falters, and looks at one frame in so many as well.

    Of each camera it is that share: by turns of all frames together, two cameras would always have the same one compared.
    """

    def __init__(
        self, plan: WorkerPlan, candidate: LoadedModel, shadow: LoadedModel, context: WorkerContext
    ) -> None:
        self._plan = plan
        self._candidate = candidate.model
        self._shadow = shadow.model
        self._class_count = len(candidate.labels)
        self._map_classes = ClassIdMapping(shadow.labels, candidate.labels)
        self._context = context
        self._frames_since_comparison = dict.fromkeys(context.camera_indices, 0)
        self._has_candidate_failed = False
        """On the frame that was observed last."""

    def infer(self, frame: Frame) -> FrameResult:
        """See `ModelRunner`. It raises only if both models fail."""
        prepared = self._context.pipeline.prepare(frame)
        camera = self._context.camera_indices[frame.camera]
        min_score = self._plan.min_scores[camera]
        # What is compared may be below what is told.
        asked_score = min(min_score, self._plan.min_shadow_score)
        try:
            look = self._context.pipeline.infer(self._candidate, prepared, asked_score)
            trouble = self._check_detections(look.detections)
        except (InvokeError, ModelError) as error:
            trouble = _classify_failure(error)
        self._has_candidate_failed = trouble is not None
        if trouble is not None:
            kind, reason = trouble
            self._context.send(
                CandidateFailure(
                    kind=kind,
                    plan=self._plan.number,
                    camera=camera,
                    frame_seq=frame.seq,
                    reason=reason[:_MAX_REASON_CHARS],
                )
            )
            look = self._infer_with_shadow(prepared, min_score)
        told = look.detections.scores >= min_score
        return FrameResult(
            prepared_frame=prepared, inference=look, detections=look.detections[told]
        )

    def run_shadow(self, result: FrameResult) -> None:
        """See `ModelRunner`: when it is time, the shadow looks too, and the two are compared."""
        frame = result.prepared_frame.frame
        self._frames_since_comparison[frame.camera] += 1
        if (
            self._has_candidate_failed
            or self._frames_since_comparison[frame.camera] < self._plan.shadow_every
        ):
            return
        self._frames_since_comparison[frame.camera] = 0
        score = self._plan.min_shadow_score
        try:
            old = self._context.pipeline.infer(self._shadow, result.prepared_frame, score)
        except (InvokeError, ModelError) as error:  # which says nothing about the new model
            _log.warning("the shadow, camera %s, frame %d: %s", frame.camera, frame.seq, error)
            return
        new = result.inference
        compared = measure_agreement(
            new.detections[new.detections.scores >= score], self._map_classes(old.detections)
        )
        self._context.send(
            ShadowComparison(
                plan=self._plan.number,
                camera=self._context.camera_indices[frame.camera],
                frame_seq=frame.seq,
                both=compared.both,
                only_new=compared.only_new,
                only_old=compared.only_old,
                new_ns=new.total_ns,
                old_ns=old.total_ns,
            )
        )

    def _check_detections(self, detections: Detections) -> _FrameFailure | None:
        """What no decoder can know to be wrong: too much, or of a class that is none."""
        sure = detections[detections.scores >= self._plan.min_shadow_score]
        if len(sure) > self._plan.max_boxes:
            return "flood", (
                f"{len(sure)} detections of at least {self._plan.min_shadow_score:.2f} in one frame; "
                f"{self._plan.max_boxes} are allowed"
            )
        highest, classes = int(sure.class_ids.max(initial=0)), self._class_count
        if classes and highest >= classes:
            return "nonsense", f"a detection of class {highest}; the model has labels for {classes}"
        return None

    def _infer_with_shadow(self, prepared_frame: PreparedFrame, min_score: float) -> Inference:
        """What the shadow sees, in the new model's classes; what that has no class for nobody could name."""
        look = self._context.pipeline.infer(self._shadow, prepared_frame, min_score)
        found = self._map_classes(look.detections)
        return replace(look, detections=found[found.class_ids >= 0])


def _classify_failure(error: InvokeError | ModelError) -> _FrameFailure:
    return "invoke" if isinstance(error, InvokeError) else "nonsense", str(error) or repr(error)
