"""The frames of which pictures can still be made. They are kept by reference: nothing writes into a frame after its masks are burned in."""

import itertools
import threading
from collections import deque
from collections.abc import Mapping, Sequence

from msgspec import Struct

from edged.clock import NS_PER_S
from edged.config.settings import Polygon
from edged.types import Box, ClassNames, Detections, Frame
from edged.vision.camera_messages import CameraPlan
from edged.vision.picture_messages import PicturePlan

_FRESH_NS = 2 * NS_PER_S
"""An older frame is not what the camera sees now."""
_HIDE_AROUND_NS = NS_PER_S
"""An object that a model misses in one frame is mostly found in the frames before and after it."""


class KeptFrame(Struct, frozen=True, kw_only=True):
    """A frame, and what is known of the objects in it.

    Attributes:
        frame: the frame; its pixels are masked.
        detections: the model's, best score first, also those that are too weak to be reported.
        class_names: the names of the model's classes.
        hidden_boxes: boxes of the objects that are to be made unrecognisable, normalised to the frame.
        plan: how pictures of it are made.
        generation: number of its camera's plan and masks.
    """

    frame: Frame
    detections: Detections
    class_names: ClassNames
    hidden_boxes: tuple[Box, ...]
    plan: PicturePlan
    generation: int

    @property
    def unknown_labels(self) -> str:
        """The labels that are to be hidden and that the model cannot detect, separated by commas; "" if there are none."""
        known = set(self.class_names.values())
        return ", ".join(label for label in self.plan.hide if label not in known)


class _InferredFrame(Struct, frozen=True, gc=False):
    frame: Frame
    detections: Detections
    class_names: ClassNames
    hidden_boxes: tuple[Box, ...]


class _CameraFrames:
    """The kept frames of one camera."""

    def __init__(self, masks: Sequence[Polygon], plan: PicturePlan, generation: int) -> None:
        self.masks = masks
        self.plan = plan
        self.generation = generation
        self.with_objects: deque[_InferredFrame] = deque(maxlen=plan.kept_frames)
        self.newest: _InferredFrame | None = None
        self.later: Frame | None = None
        """A frame after the newest inferred one, on which the model did not run; None if there is none."""
        self.is_at_rest = False
        """True if that shows what the newest inferred one shows."""
        self.hidden: deque[tuple[int, tuple[Box, ...]]] = deque(maxlen=64)
        """The boxes that were to be hidden, by capture time."""


class KeptFrames:
    """The kept frames of all cameras; any thread may call."""

    def __init__(self) -> None:
        """Keep no frame until `apply` says otherwise."""
        self._lock = threading.Lock()
        self._cameras: dict[str, _CameraFrames] = {}
        self._generations = itertools.count(1)

    def apply(self, plans: Mapping[str, CameraPlan]) -> frozenset[str]:
        """Keep frames by these plans from now on.

        Returns:
            The cameras whose frames are forgotten, because their masks or the plan of their pictures have changed.
        """
        with self._lock:
            before = self._cameras
            self._cameras = {
                name: _continue(before.get(name), plan) or self._make_empty(plan, plan.pictures)
                for name, plan in plans.items()
                if plan.pictures is not None
            }
            return frozenset(
                name for name, kept in before.items() if self._cameras.get(name) is not kept
            )

    @property
    def is_on(self) -> bool:
        """True if the frames of any camera are kept."""
        return bool(self._cameras)

    def plan_of(self, camera: str) -> PicturePlan | None:
        """Return the plan of a camera's pictures; None if its frames are not kept."""
        kept = self._cameras.get(camera)
        return None if kept is None else kept.plan

    def add_inferred(self, frame: Frame, detections: Detections, labels: Sequence[str]) -> None:
        """Keep a frame on which the model ran, if its camera's are kept.

        Args:
            frame: the frame; nothing writes into its pixels any more.
            detections: the model's, also the weak ones.
            labels: names of the model's classes, by class id.
        """
        with self._lock:
            kept = self._cameras.get(frame.camera)
            if kept is None:
                return
            names = self._name_classes(kept, labels)
            boxes = _find_hidden(detections, names, kept.plan.hide)
            inferred = _InferredFrame(frame, detections, names, boxes)
            kept.newest, kept.later = inferred, None
            if boxes:
                kept.hidden.append((frame.captured_ns, boxes))
            if len(detections):
                kept.with_objects.append(inferred)

    def add_other(self, frame: Frame, *, is_at_rest: bool) -> None:
        """Keep a frame on which the model did not run, if its camera's are kept.

        Args:
            frame: the frame, masked.
            is_at_rest: it shows what the newest inferred frame shows.
        """
        with self._lock:
            kept = self._cameras.get(frame.camera)
            if kept is not None:
                kept.later, kept.is_at_rest = frame, is_at_rest

    def has_fresh(self, camera: str, now_ns: int) -> bool:
        """Return whether a camera's newest frame that may be shown is fresh.

        Args:
            camera: name of the camera.
            now_ns: monotonic time.
        """
        with self._lock:
            kept = self._cameras.get(camera)
            frame = None if kept is None else _choose_newest(kept)
            return frame is not None and now_ns - frame.received_ns <= _FRESH_NS

    def find(self, camera: str, frame_seq: int | None) -> KeptFrame | None:
        """Return a frame; None if it is not kept.

        Args:
            camera: name of the camera.
            frame_seq: number of the frame; None for the newest.
        """
        with self._lock:
            kept = self._cameras.get(camera)
            if kept is None:
                return None
            if frame_seq is None:
                frame, found = _choose_newest(kept), kept.newest
            else:
                found = _find_inferred(kept, frame_seq)
                frame = None if found is None else found.frame
            if frame is None:
                return None
            is_known = found is not None and (frame is found.frame or kept.is_at_rest)
            if found is None or not is_known:
                names = ClassNames(()) if found is None else found.class_names
                found = _InferredFrame(frame, Detections.empty(), names, ())
            around = [
                boxes
                for at_ns, boxes in kept.hidden
                if abs(at_ns - frame.captured_ns) <= _HIDE_AROUND_NS
            ]
            return KeptFrame(
                frame=frame,
                detections=found.detections,
                class_names=found.class_names,
                hidden_boxes=tuple(
                    {box for boxes in (found.hidden_boxes, *around) for box in boxes}
                ),
                plan=kept.plan,
                generation=kept.generation,
            )

    def is_current(self, kept: KeptFrame) -> bool:
        """Return whether a frame may still be shown as it is."""
        with self._lock:
            current = self._cameras.get(kept.frame.camera)
            return current is not None and current.generation == kept.generation

    def _make_empty(self, camera_plan: CameraPlan, plan: PicturePlan) -> _CameraFrames:
        return _CameraFrames(camera_plan.masks, plan, next(self._generations))

    @staticmethod
    def _name_classes(kept: _CameraFrames, labels: Sequence[str]) -> ClassNames:
        newest = kept.newest
        if newest is not None and len(newest.class_names) == len(labels):
            return newest.class_names
        return ClassNames(labels)


def _continue(known: _CameraFrames | None, plan: CameraPlan) -> _CameraFrames | None:
    """Return what is kept of a camera if its pictures stay as they are."""
    if known is None or (known.masks, known.plan) != (plan.masks, plan.pictures):
        return None
    return known


def _find_inferred(kept: _CameraFrames, frame_seq: int) -> _InferredFrame | None:
    """Return a frame on which the model ran; one without objects only while it is the newest."""
    known = (*kept.with_objects, *([kept.newest] if kept.newest else []))
    return next((one for one in known if one.frame.seq == frame_seq), None)


def _choose_newest(kept: _CameraFrames) -> Frame | None:
    """Return the newest frame that may be shown: where something is to be hidden, the model must have looked at it."""
    if kept.later is not None and not kept.plan.hide:
        return kept.later
    return None if kept.newest is None else kept.newest.frame


def _find_hidden(detections: Detections, names: ClassNames, hide: Sequence[str]) -> tuple[Box, ...]:
    if not hide or not len(detections):
        return ()
    return tuple(
        tuple(box)
        for box, class_id in zip(
            detections.boxes.tolist(), detections.class_ids.tolist(), strict=True
        )
        if names[class_id] in hide
    )
