"""The frames of which pictures can still be made. They are kept by reference: nothing writes into a frame after its masks are burned in."""

import itertools
import threading
from collections import deque
from collections.abc import Mapping, Sequence

from msgspec import Struct

from edged.clock import NS_PER_S
from edged.types import Box, ClassNames, Detections, Frame
from edged.vision.camera_messages import CameraPlan
from edged.vision.picture_messages import PicturePlan

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


class _InferredFrame(Struct, frozen=True, gc=False):
    frame: Frame
    detections: Detections
    class_names: ClassNames
    hidden_boxes: tuple[Box, ...]


class _CameraFrames:
    """The kept frames of one camera."""

    def __init__(self, camera_plan: CameraPlan, plan: PicturePlan, generation: int) -> None:
        self.camera_plan = camera_plan
        self.plan = plan
        self.generation = generation
        self.with_objects: deque[_InferredFrame] = deque(maxlen=plan.kept_frames)
        self.newest: _InferredFrame | None = None
        self.at_rest: Frame | None = None
        """A frame that shows what the newest inferred one shows; None if that is the newest."""
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
            kept.newest, kept.at_rest = inferred, None
            if boxes:
                kept.hidden.append((frame.captured_ns, boxes))
            if len(detections):
                kept.with_objects.append(inferred)

    def add_at_rest(self, frame: Frame) -> None:
        """Keep a frame on which the model did not run, because it shows what the one before shows."""
        with self._lock:
            kept = self._cameras.get(frame.camera)
            if kept is not None:
                kept.at_rest = frame

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
            found = kept.newest
            if frame_seq is not None:
                found = next((one for one in kept.with_objects if one.frame.seq == frame_seq), None)
            if found is None:
                return None
            frame = found.frame
            # What the model has not looked at is not shown where something is to be hidden.
            if frame_seq is None and kept.at_rest is not None and not kept.plan.hide:
                frame = kept.at_rest
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

    def is_newest_unknown(self, camera: str) -> bool:
        """Return whether a camera's newest frame cannot be shown, because the model did not look for what is to be hidden in it."""
        with self._lock:
            kept = self._cameras.get(camera)
            return kept is not None and bool(kept.plan.hide) and kept.at_rest is not None

    def _make_empty(self, camera_plan: CameraPlan, plan: PicturePlan) -> _CameraFrames:
        return _CameraFrames(camera_plan, plan, next(self._generations))

    @staticmethod
    def _name_classes(kept: _CameraFrames, labels: Sequence[str]) -> ClassNames:
        newest = kept.newest
        if newest is not None and len(newest.class_names) == len(labels):
            return newest.class_names
        return ClassNames(labels)


def _continue(known: _CameraFrames | None, plan: CameraPlan) -> _CameraFrames | None:
    """Return what is kept of a camera if its pictures stay as they are."""
    if known is None or (known.camera_plan.masks, known.plan) != (plan.masks, plan.pictures):
        return None
    return known


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
