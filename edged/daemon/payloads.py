"""From what happened to what is said of it: the contract's payloads. Pure; headers come later."""

from collections.abc import Mapping

from edged.clock import NS_PER_S
from edged.messaging.contract.header import Stamper
from edged.messaging.contract.messages import CameraState, Detection, Event, FrameDetections
from edged.scene.events import TrackEvent
from edged.scene.filters import label_of
from edged.scene.scene import Counts, SceneState
from edged.types import Detections
from edged.vision.messages import Observation

_DIGITS = 4
"""A tenth of a pixel in a frame of a thousand."""


def build_event(event: TrackEvent, *, camera: str, model: str, stamper: Stamper) -> Event:
    """`up/camera/<cam>/events`."""
    ended = event.ended_ns
    return Event(
        camera=camera,
        type=event.type.value,
        id=f"{stamper.identity.session}-{event.id}",
        label=event.label,
        score=_round(event.score),
        top_score=_round(event.top_score),
        box=_round_box(event.box),
        width=event.width,
        height=event.height,
        zones=event.zones,
        entered_zones=event.entered_zones,
        started=stamper.time_of(event.started_ns),
        ended=None if ended is None else stamper.time_of(ended),
        duration_s=round((event.seen_ns - event.started_ns) / NS_PER_S, 3),
        stationary=event.stationary,
        path=tuple((_round(x), _round(y)) for x, y in event.path),
        model=model,
        frame=event.frame_seq,
    )


def build_camera_state(scene_state: SceneState, *, camera: str, online: bool) -> CameraState:
    """`up/camera/<cam>/state`."""
    return CameraState(
        camera=camera,
        online=online,
        occupied=scene_state.occupied,
        motion=scene_state.motion,
        counts=dict(scene_state.counts),
        active=dict(scene_state.active),
        zones=_copy_counts(scene_state.zones),
        zones_active=_copy_counts(scene_state.zones_active),
    )


def build_frame_detections(
    observation: Observation,
    detections: Detections,
    *,
    camera: str,
    model: str,
    labels: tuple[str, ...],
    stamper: Stamper,
) -> FrameDetections:
    """`up/camera/<cam>/detections`: what passed the filters in the frame of that observation."""
    return FrameDetections(
        camera=camera,
        frame=observation.frame_seq,
        captured=stamper.time_of(observation.captured_ns),
        received_ns=observation.received_ns,
        width=observation.width,
        height=observation.height,
        model=model,
        detections=tuple(
            Detection(label=label_of(labels, class_id), score=_round(score), box=_round_box(box))
            for class_id, score, box in zip(
                detections.class_ids.tolist(),
                detections.scores.tolist(),
                detections.boxes.tolist(),
                strict=True,
            )
        ),
    )


def _copy_counts(zones: Mapping[str, Counts]) -> dict[str, dict[str, int]]:
    return {zone: dict(counts) for zone, counts in zones.items()}


def _round_box(box: tuple[float, ...] | list[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = map(_round, box)
    return x1, y1, x2, y2


def _round(value: float) -> float:
    return round(value, _DIGITS)
