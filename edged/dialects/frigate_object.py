"""One object in Frigate's form."""

from datetime import datetime
from typing import Any

from edged.messaging.contract.messages import Event

FrigateState = dict[str, Any]
"""An object as Frigate describes it, in ``before`` and ``after`` of its events."""


class FrigateObject:
    """One tracked object as Frigate would describe it.

    Attributes:
        before: the object as the newest event described it; None before the first.
    """

    __slots__ = (
        *("_best", "_entered_zones", "_position_changes", "_started_s", "_still_since_frame"),
        "before",
    )

    def __init__(self, event: Event) -> None:
        self.before: FrigateState | None = None
        self._started_s = _to_epoch_s(event.started)
        self._entered_zones: list[str] = []
        self._position_changes = 0
        self._still_since_frame: int | None = None
        self._best: FrigateState | None = None

    def take(self, event: Event) -> tuple[FrigateState, FrigateState]:
        """Take in an event; return the object before and after it.

        Before the first event, Frigate's object is a false positive in no zone.
        """
        after = self._describe(event)
        before = self.before or {
            **after,
            "snapshot": None,
            "top_score": 0.0,
            "false_positive": True,
            "current_zones": [],
            "entered_zones": [],
            "has_snapshot": False,
        }
        self.before = after
        return before, after

    def _describe(self, event: Event) -> FrigateState:
        ended_s = None if event.ended is None else _to_epoch_s(event.ended)
        frame_s = ended_s or round(_to_epoch_s(event.started) + event.duration_s, 3)
        self._update_places(event)
        measures = _measure(event)
        if self._best is None or event.score > self._best["score"]:
            self._best = {"frame_time": frame_s, **measures, "score": event.score, "attributes": []}
        still_since = self._still_since_frame
        return {
            "id": event.id,
            "camera": event.camera,
            "frame_time": frame_s,
            "snapshot": self._best,
            "label": event.label,
            "sub_label": None,
            "top_score": event.top_median_score,
            "false_positive": False,
            "start_time": self._started_s,
            "end_time": ended_s,
            "score": event.score,
            **measures,
            "active": not event.stationary,
            "stationary": event.stationary,
            "motionless_count": 0 if still_since is None else event.frame - still_since + 1,
            "position_changes": self._position_changes,
            "current_zones": list(event.zones),
            "entered_zones": list(self._entered_zones),
            "has_clip": False,
            "has_snapshot": event.snapshot is not None,
            "attributes": {},
            "current_attributes": [],
            "pending_loitering": False,
        }

    def _update_places(self, event: Event) -> None:
        """Take note of the zones that the object has entered, in this order, and of its movement."""
        entered = self._entered_zones
        entered += [zone for zone in event.entered_zones if zone not in entered]
        was_still = self._still_since_frame is not None
        if not self._position_changes and len(event.path) > 1:
            self._position_changes = 1
        elif was_still and not event.stationary:
            self._position_changes += 1
        if not event.stationary:
            self._still_since_frame = None
        elif not was_still:
            self._still_since_frame = event.frame


def _measure(event: Event) -> FrigateState:
    """Return box and region in pixels, and what follows from them."""
    x1, y1, x2, y2 = event.box
    left, top = round(x1 * event.width), round(y1 * event.height)
    right, bottom = round(x2 * event.width), round(y2 * event.height)
    width, height = right - left, bottom - top
    return {
        "box": [left, top, right, bottom],
        "area": width * height,
        "ratio": round(width / max(height, 1), 3),
        "region": [0, 0, event.width, event.height],
    }


def _to_epoch_s(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
