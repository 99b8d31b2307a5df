"""Detections as the supervisor reads them, from arrays."""

from edged.types import DetectedBox, Detections


def to_boxes(detections: Detections) -> tuple[DetectedBox, ...]:
    """Return the detections of a frame as plain values."""
    columns = (detections.boxes.tolist(), detections.scores.tolist(), detections.class_ids.tolist())
    return tuple(
        DetectedBox(tuple(box), score, class_id)
        for box, score, class_id in zip(*columns, strict=True)
    )
