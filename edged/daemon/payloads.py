"""From what happened to what is said of it: the contract's payloads. Pure; headers come later."""

from collections.abc import Mapping

from edged.clock import NS_PER_S
from edged.messaging.contract.header import Stamper
from edged.messaging.contract.messages import CameraState, Detection, Event, FrameDetections
from edged.scene.events import ObjectEvent
from edged.scene.filters import label_of
from edged.scene.scene import Counts, SceneState
from edged.types import Detections
from edged.vision.messages import Observation

_DIGITS = 4
"""A tenth of a pixel in a frame of a thousand."""


def event(told: ObjectEvent, *, camera: str, model: str, stamper: Stamper) -> Event:
    """`up/camera/<cam>/events`."""
    ended = told.ended_ns
    return Event(
        camera=camera,
        type=told.type.value,
        id=f"{stamper.identity.session}-{told.id}",
        label=told.label,
        score=_rounded(told.score),
        top_score=_rounded(told.top_score),
        box=_box(told.box),
        width=told.width,
        height=told.height,
        zones=told.zones,
        entered_zones=told.entered_zones,
        started=stamper.time_of(told.started_ns),
        ended=None if ended is None else stamper.time_of(ended),
        duration_s=round((told.seen_ns - told.started_ns) / NS_PER_S, 3),
        stationary=told.stationary,
        path=tuple((_rounded(x), _rounded(y)) for x, y in told.path),
        model=model,
        frame=told.frame_seq,
    )


def state(now: SceneState, *, camera: str, online: bool) -> CameraState:
    """`up/camera/<cam>/state`."""
    return CameraState(
        camera=camera,
        online=online,
        occupied=now.occupied,
        motion=now.motion,
        counts=dict(now.counts),
        active=dict(now.active),
        zones=_copied(now.zones),
        zones_active=_copied(now.zones_active),
    )


def detections(
    seen: Observation,
    found: Detections,
    *,
    camera: str,
    model: str,
    labels: tuple[str, ...],
    stamper: Stamper,
) -> FrameDetections:
    """`up/camera/<cam>/detections`: what passed the filters in the frame of that observation."""
    return FrameDetections(
        camera=camera,
        frame=seen.frame_seq,
        captured=stamper.time_of(seen.captured_ns),
        received_ns=seen.received_ns,
        width=seen.width,
        height=seen.height,
        model=model,
        detections=tuple(
            Detection(label=label_of(labels, class_id), score=_rounded(score), box=_box(box))
            for class_id, score, box in zip(
                found.class_ids.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True
            )
        ),
    )


def _copied(zones: Mapping[str, Counts]) -> dict[str, dict[str, int]]:
    return {zone: dict(counts) for zone, counts in zones.items()}


def _box(box: tuple[float, ...] | list[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = map(_rounded, box)
    return x1, y1, x2, y2


def _rounded(value: float) -> float:
    return round(value, _DIGITS)
