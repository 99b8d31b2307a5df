"""Who looks through the cameras: one model, or one on trial with the old model beside it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from edged.errors import InvokeError, ModelError
from edged.model.agreement import Translation, agreement
from edged.types import Detections, Frame
from edged.vision.messages import Compared, Faltered, FromWorker, Plan
from edged.vision.worker.loading import Loaded
from edged.vision.worker.stages import Look, Prepared, Sight, Vision

_log = logging.getLogger(__name__)

_MOST_WORDS = 4096
_Trouble = tuple[Literal["invoke", "nonsense", "flood"], str]
"""What went wrong on a frame, and in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What stays, whichever model looks.

    Attributes:
        vision: the cameras' masks and motion.
        cameras: their indices, by name.
        say: tells the supervisor.
    """

    vision: Vision
    cameras: Mapping[str, int]
    say: Callable[[FromWorker], None]


class Observer(Protocol):
    """Looks at every frame that is taken."""

    def observe(self, frame: Frame) -> Sight:
        """Look; the frame's pixels are masked in place.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """

    def reflect(self, sight: Sight) -> None:
        """What else there is to do about a frame, once its observation has been told."""


class Alone:
    """One model looks."""

    def __init__(self, plan: Plan, looking: Loaded, scope: Scope) -> None:
        self._plan = plan
        self._looking = looking
        self._scope = scope

    def observe(self, frame: Frame) -> Sight:
        """See `Observer`."""
        vision = self._scope.vision
        prepared = vision.prepare(frame)
        min_score = self._plan.min_scores[self._scope.cameras[frame.camera]]
        look = vision.look(self._looking.model, prepared, min_score)
        return Sight(prepared=prepared, look=look, detections=look.detections)

    def reflect(self, sight: Sight) -> None:
        """See `Observer`."""


class Trial:
    """The new model looks. The old one, its shadow, stands in where it falters, and looks at one frame in so many as well.

    Of each camera it is that share: by turns of all frames together, two cameras would always have the same one compared.
    """

    def __init__(self, plan: Plan, looking: Loaded, shadow: Loaded, scope: Scope) -> None:
        self._plan = plan
        self._new = looking.model
        self._old = shadow.model
        self._classes = len(looking.labels)
        self._translate = Translation(shadow.labels, looking.labels)
        self._scope = scope
        self._uncompared = dict.fromkeys(scope.cameras, 0)
        self._faltered = False
        """On the frame that was observed last."""

    def observe(self, frame: Frame) -> Sight:
        """See `Observer`. It raises only if both models fail."""
        prepared = self._scope.vision.prepare(frame)
        camera = self._scope.cameras[frame.camera]
        min_score = self._plan.min_scores[camera]
        # What is compared may be below what is told.
        asked_score = min(min_score, self._plan.shadow_score)
        try:
            look = self._scope.vision.look(self._new, prepared, asked_score)
            trouble = self._impossible(look.detections)
        except (InvokeError, ModelError) as error:
            trouble = _trouble(error)
        self._faltered = trouble is not None
        if trouble is not None:
            kind, reason = trouble
            self._scope.say(
                Faltered(
                    kind=kind,
                    plan=self._plan.number,
                    camera=camera,
                    frame_seq=frame.seq,
                    reason=reason[:_MOST_WORDS],
                )
            )
            look = self._stand_in(prepared, min_score)
        told = look.detections.scores >= min_score
        return Sight(prepared=prepared, look=look, detections=look.detections[told])

    def reflect(self, sight: Sight) -> None:
        """See `Observer`: when it is time, the shadow looks too, and the two are compared."""
        frame = sight.prepared.frame
        self._uncompared[frame.camera] += 1
        if self._faltered or self._uncompared[frame.camera] < self._plan.shadow_every:
            return
        self._uncompared[frame.camera] = 0
        score = self._plan.shadow_score
        try:
            old = self._scope.vision.look(self._old, sight.prepared, score)
        except (InvokeError, ModelError) as error:  # which says nothing about the new model
            _log.warning("the shadow, camera %s, frame %d: %s", frame.camera, frame.seq, error)
            return
        new = sight.look
        compared = agreement(
            new.detections[new.detections.scores >= score], self._translate(old.detections)
        )
        self._scope.say(
            Compared(
                plan=self._plan.number,
                camera=self._scope.cameras[frame.camera],
                frame_seq=frame.seq,
                both=compared.both,
                only_new=compared.only_new,
                only_old=compared.only_old,
                new_ns=new.total_ns,
                old_ns=old.total_ns,
            )
        )

    def _impossible(self, found: Detections) -> _Trouble | None:
        """What no decoder can know to be wrong: too much, or of a class that is none."""
        sure = found[found.scores >= self._plan.shadow_score]
        if len(sure) > self._plan.most_boxes:
            return "flood", (
                f"{len(sure)} detections of at least {self._plan.shadow_score:.2f} in one frame; "
                f"{self._plan.most_boxes} are allowed"
            )
        highest, classes = int(sure.class_ids.max(initial=0)), self._classes
        if classes and highest >= classes:
            return "nonsense", f"a detection of class {highest}; the model has labels for {classes}"
        return None

    def _stand_in(self, prepared: Prepared, min_score: float) -> Look:
        """What the shadow sees, in the new model's classes; what that has no class for nobody could name."""
        look = self._scope.vision.look(self._old, prepared, min_score)
        found = self._translate(look.detections)
        return replace(look, detections=found[found.class_ids >= 0])


def _trouble(error: InvokeError | ModelError) -> _Trouble:
    return "invoke" if isinstance(error, InvokeError) else "nonsense", str(error) or repr(error)
