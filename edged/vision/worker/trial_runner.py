"""Running inference in a trial: with the candidate, and the old model beside it."""

import logging
from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace

from edged.errors import InvokeError, ModelError, WorkerError
from edged.model.agreement import ClassIdMapping, measure_agreement
from edged.types import Detections, Frame
from edged.vision.messages import WorkerPlan
from edged.vision.trial_messages import MAX_REASON_CHARS, CandidateFailure, ShadowComparison
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.runners import (
    WorkerContext,
    decode_score_by_camera,
    min_score_by_camera,
    needed_size,
)
from edged.vision.worker.stage_results import FrameResult, Inference, PreparedFrame

_log = logging.getLogger(__name__)

_FrameFailure = tuple[Literal["invoke", "nonsense", "flood", "shared"], str]
"""What went wrong on a frame: its kind, and in words."""


class TrialRunner:
    """Runs the candidate. The old model, its shadow, runs instead where the candidate fails, and beside it on every Nth frame of each camera.

    N counts the frames of each camera: counted over all frames together, of two cameras always the same one would be compared. Of the frames on
    which both run, each model comes first on every other one: what comes second finds the frame in the processor's caches, and is a fifth faster.

    What the shadow does as well on the same frame (it fails, or finds a flood) says nothing about the candidate.
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
        self._candidate = candidate
        self._shadow = shadow
        self._class_counts = {False: len(candidate.labels), True: len(shadow.labels)}
        self._map_classes = ClassIdMapping(shadow.labels, candidate.labels)
        self._pipeline = context.pipeline
        self._send = context.send
        self._min_scores = min_score_by_camera(plan, context)
        self._decode_scores = decode_score_by_camera(plan, context)
        self._schedule = ComparisonSchedule(context.camera_indices, plan.shadow_every)
        self._old_inference: Inference | None = None
        """The shadow's inference on the latest frame, if it came first."""
        self._is_comparison_due = False

    def infer(self, prepared: PreparedFrame) -> FrameResult:
        """Run the candidate on a frame, and the shadow if the candidate fails.

        Raises:
            WorkerError: both models failed.
        """
        frame = prepared.frame
        min_score, decode_score = self._min_scores[frame.camera], self._decode_scores[frame.camera]
        self._is_comparison_due = self._schedule.is_due(frame.camera)
        self._old_inference = (
            self._infer_for_comparison(prepared) if self._is_shadow_first else None
        )
        try:
            inference = self._infer_with_candidate(prepared, decode_score)
        except (InvokeError, ModelError) as error:
            inference = self._replace(prepared, decode_score, _classify_failure(error))
        else:
            failure = self._check_detections(inference.detections, is_shadow=False)
            if failure is not None and not self._does_shadow_fail_too(prepared, failure):
                inference = self._replace(prepared, decode_score, failure)
        detections = inference.detections[inference.detections.scores >= min_score]
        return FrameResult(prepared_frame=prepared, inference=inference, detections=detections)

    def run_shadow(self, result: FrameResult) -> None:
        """Run the shadow on a frame whose observation has been sent, if its turn has come, and report how the two models agree."""
        if not self._is_comparison_due:
            return
        old = self._old_inference or self._infer_for_comparison(result.prepared_frame)
        if old is not None:
            self._send(self._compare(result.prepared_frame.frame, result.inference, old))

    def find_needed_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the size that both models need."""
        one = needed_size(self._candidate, width, height)
        other = needed_size(self._shadow, width, height)
        return max(one[0], other[0]), max(one[1], other[1])

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the candidate's classes, by class id; the shadow's detections get them too."""
        return self._candidate.labels

    @property
    def _is_shadow_first(self) -> bool:
        return self._is_comparison_due and self._schedule.is_shadow_first

    @property
    def overlap(self) -> None:
        """None: both models run on a frame before the next one is taken, so that their times compare."""

    def _infer_for_comparison(self, prepared: PreparedFrame) -> Inference | None:
        """Return the shadow's inference; None if it fails, which is no evidence for or against the candidate."""
        try:
            return self._pipeline.infer(self._shadow, prepared, self._plan.min_shadow_score)
        except (InvokeError, ModelError) as error:
            frame = prepared.frame
            _log.warning("the shadow, camera %s, frame %d: %s", frame.camera, frame.seq, error)
            return None

    def _compare(self, frame: Frame, new: Inference, old: Inference) -> ShadowComparison:
        confident = new.detections[new.detections.scores >= self._plan.min_shadow_score]
        agreement = measure_agreement(confident, self._map_classes(old.detections))
        return ShadowComparison(
            plan=self._plan.number,
            both=agreement.both,
            only_new=agreement.only_new,
            only_old=agreement.only_old,
            old_ns=old.total_ns,
            new_net_ns=max(new.net_frame_ns, 0),
            old_net_ns=max(old.net_frame_ns, 0),
            is_new_first=not self._schedule.is_shadow_first,
            camera=frame.camera,
            frame_seq=frame.seq,
        )

    def _infer_with_candidate(self, prepared_frame: PreparedFrame, min_score: float) -> Inference:
        # The comparison can need detections below the lowest score to report.
        score = min(min_score, self._plan.min_shadow_score)
        return self._pipeline.infer(self._candidate, prepared_frame, score)

    def _replace(
        self, prepared: PreparedFrame, min_score: float, failure: _FrameFailure
    ) -> Inference:
        """Return the shadow's detections with the candidate's class ids, and report the candidate's failure if the shadow does not fail too."""
        self._is_comparison_due = False
        try:
            inference = self._pipeline.infer(self._shadow, prepared, min_score)
        except (InvokeError, ModelError) as error:
            self._report_failure(("shared", failure[1]))
            raise WorkerError(f"both models failed: {failure[1]}; {error}") from error
        self._report_failure(failure)
        detections = self._map_classes(inference.detections)
        # Those of classes that the candidate lacks are left out.
        return replace(inference, detections=detections[detections.class_ids >= 0])

    def _does_shadow_fail_too(self, prepared: PreparedFrame, failure: _FrameFailure) -> bool:
        """Return whether the shadow's detections on the same frame are wrong in the same way."""
        old = self._infer_for_comparison(prepared)
        same = self._check_detections(old.detections, is_shadow=True) if old else None
        return same is not None and same[0] == failure[0]

    def _check_detections(self, detections: Detections, *, is_shadow: bool) -> _FrameFailure | None:
        """Return what a decoder cannot know to be wrong: too many detections, or one of an unknown class."""
        confident = detections[detections.scores >= self._plan.min_shadow_score]
        if len(confident) > self._plan.max_boxes:
            return "flood", (
                f"{len(confident)} detections of at least {self._plan.min_shadow_score:.2f} in one frame; "
                f"{self._plan.max_boxes} are allowed"
            )
        highest, classes = int(confident.class_ids.max(initial=0)), self._class_counts[is_shadow]
        if classes and highest >= classes:
            return "nonsense", f"a detection of class {highest}; the model has {classes} labels"
        return None

    def _report_failure(self, failure: _FrameFailure) -> None:
        kind, reason = failure
        number = self._plan.number
        self._send(CandidateFailure(kind=kind, plan=number, reason=reason[:MAX_REASON_CHARS]))


class ComparisonSchedule:
    """The schedule of a trial: on which frames both models run, and which model comes first."""

    def __init__(self, cameras: Iterable[str], every: int) -> None:
        """Begin with no frame.

        Args:
            cameras: the cameras' names.
            every: both models run on every Nth frame of each camera.
        """
        self._every = every
        self._frames_since = dict.fromkeys(cameras, 0)
        self.is_shadow_first = True
        """True if the shadow comes first on the latest frame on which both run."""

    def is_due(self, camera: str) -> bool:
        """Count a frame of a camera; return whether both models run on it."""
        count = self._frames_since[camera] + 1
        is_due = count >= self._every
        self._frames_since[camera] = 0 if is_due else count
        if is_due:
            self.is_shadow_first = not self.is_shadow_first
        return is_due


def _classify_failure(error: InvokeError | ModelError) -> _FrameFailure:
    return "invoke" if isinstance(error, InvokeError) else "nonsense", str(error) or repr(error)
