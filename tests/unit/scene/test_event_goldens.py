"""The events of generated scenes are those on record.

``PYTHONPATH=.:tests python tests/unit/scene/test_event_goldens.py`` records them anew: do so only for a change that is meant to change events,
and read the difference.
"""

import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.clock import NS_PER_S
from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    EventSettings,
    TrackSettings,
    ZoneSettings,
)
from edged.scene.scene import Scene
from edged.types import DetectedBox

GOLDENS = Path(__file__).parent / "goldens" / "events.json"
LABELS = ("person", "car", "chair")
DURATION_S = 30
DOOR = ((0.0, 0.5), (0.35, 0.4), (0.3, 1.0), (0.0, 1.0))
ROAD = ((0.2, 0.6), (1.0, 0.6), (1.0, 1.0), (0.2, 1.0))
SCENES = tuple((seed, fps) for seed in (1, 2) for fps in (3.0, 10.0, 30.0))


def round_to_float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", min(max(value, 0.0), 1.0)))[0])


def walk(seed: int, fps: float) -> Iterator[tuple[DetectedBox, ...]]:
    """Walkers, two cars and a chair; a detector that misses, shakes, mistakes labels and finds some objects twice.

    Python's own generator gives the same numbers in every version.
    """
    rng = random.Random(seed)
    movers = [
        (
            rng.choice((0, 0, 0, 1)),
            rng.uniform(-20, 25),
            rng.uniform(0.05, 0.2),
            rng.uniform(0.6, 0.95),
        )
        for _ in range(12)
    ]
    for index in range(int(DURATION_S * fps)):
        now_s = index / fps
        seen: list[DetectedBox] = []
        for class_id, start_s, speed, feet in (*movers, (1, -5.0, 0.0, 0.9), (2, -5.0, 0.0, 0.7)):
            at = (now_s - start_s) * speed if speed else 0.6
            height = 0.3 if class_id != 1 else 0.12
            width = 0.08 if class_id != 1 else 0.2
            if not -0.05 < at < 1.05 or rng.random() < (0.4 if class_id == 2 else 0.1):
                continue
            edges = (at - width / 2, feet - height, at + width / 2, feet)
            x1, y1, x2, y2 = (round_to_float32(edge + rng.gauss(0.0, 0.004)) for edge in edges)
            score = round_to_float32(rng.gauss(0.65, 0.12))
            label = class_id if rng.random() > 0.03 else 2
            if x1 < x2 and y1 < y2:
                seen.append(DetectedBox((x1, y1, x2, y2), score, label))
                if rng.random() < 0.05:
                    part = round_to_float32(score * 0.8)
                    seen.append(DetectedBox((x1, y1, x2, y1 + (y2 - y1) * 0.7), part, label))
        yield tuple(sorted(seen, key=lambda one: -one.score))


def list_events(seed: int, fps: float) -> list[str]:
    """Return a line for each event: frame, type, id, label, zones, and S if it is stationary."""
    scene = Scene(
        CameraSettings(
            source="synthetic",
            zone={"door": ZoneSettings(points=DOOR), "road": ZoneSettings(points=ROAD)},
        ),
        detect=DetectSettings(labels=("person", "car")),
        track=TrackSettings(stationary_s=5.0),
        events=EventSettings(update_s=2.0),
        labels=LABELS,
    )
    lines = []
    for index, detections in enumerate(walk(seed, fps)):
        update = scene.observe(
            detections,
            captured_ns=int(index / fps * NS_PER_S),
            frame_seq=index,
            width=1280,
            height=720,
            moving=False,
        )
        for event in update.events:
            zones = "+".join(event.zones) or "-"
            still = " S" if event.stationary else ""
            lines.append(f"{index} {event.type} {event.id} {event.label} {zones}{still}")
    return lines


@pytest.mark.parametrize(("seed", "fps"), SCENES)
def test_the_events_are_those_on_record(seed: int, fps: float) -> None:
    recorded = json.loads(GOLDENS.read_text("utf-8"))[f"{seed} at {fps:g}"]
    assert len(recorded) > 20
    assert list_events(seed, fps) == recorded


if __name__ == "__main__":
    goldens = {f"{seed} at {fps:g}": list_events(seed, fps) for seed, fps in SCENES}
    GOLDENS.write_text(json.dumps(goldens, indent=0) + "\n", "utf-8")
