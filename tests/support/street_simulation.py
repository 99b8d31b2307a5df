"""A simulated street: people and cars that cross and hide each other, and a detector with misses, jitter, duplicates and false positives.

Everything follows from the seed. Units are fractions of a 16:9 frame and seconds; walkers cover about 0.8 of their height in a second, cars
about their own length.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.scene.box_arrays import areas
from edged.types import F32, Detections

_ASPECT = 9 / 16
PERSON, CAR = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetScenario:
    """The traffic, and the quality of the detector.

    Attributes:
        people: number of people at any time, about.
        cars: number of cars at any time, about.
        fps: frames a second.
        duration_s: length of the simulation.
        miss_rate: chance that a visible object is not detected in a frame.
        score_std: standard deviation of the score.
        box_jitter: standard deviation of a box's edges, in box sizes.
        false_positives_per_frame: false detections in a frame.
        duplicate_rate: chance that an object is detected twice, the second time in part and with a lower score.
    """

    people: int = 4
    cars: int = 0
    fps: float = 10.0
    duration_s: float = 60.0
    miss_rate: float = 0.05
    score_std: float = 0.08
    box_jitter: float = 0.03
    false_positives_per_frame: float = 0.05
    duplicate_rate: float = 0.05


@dataclass(frozen=True, slots=True)
class SimulatedFrame:
    """One frame: its time, the visible objects, and the detections."""

    captured_ns: int
    object_ids: NDArray[np.int64]
    true_boxes: F32
    detections: Detections


@dataclass(slots=True)
class _MovingObject:
    object_id: int
    class_id: int
    center_x: float
    bottom_y: float
    width: float
    height: float
    speed: float
    wait_s: float = 0.0

    def box(self) -> tuple[float, float, float, float]:
        half = self.width / 2
        return (
            self.center_x - half,
            self.bottom_y - self.height,
            self.center_x + half,
            self.bottom_y,
        )


def simulate_street(scenario: StreetScenario, seed: int) -> Iterator[SimulatedFrame]:
    """Simulate a street, and return its frames."""
    rng = np.random.default_rng(seed)
    movers: list[_MovingObject] = []
    born = 0
    for index in range(int(scenario.duration_s * scenario.fps)):
        for class_id, wanted in ((PERSON, scenario.people), (CAR, scenario.cars)):
            missing = wanted - sum(mover.class_id == class_id for mover in movers)
            if rng.random() < missing / scenario.fps:
                movers.append(_spawn(rng, born, class_id))
                born += 1
        for mover in movers:
            _advance(rng, mover, 1.0 / scenario.fps)
        movers = [mover for mover in movers if -0.5 < mover.center_x < 1.5]
        yield _detect(rng, scenario, movers, int(index / scenario.fps * NS_PER_S))


def _spawn(rng: np.random.Generator, object_id: int, class_id: int) -> _MovingObject:
    height = rng.uniform(0.2, 0.5) if class_id == PERSON else rng.uniform(0.1, 0.2)
    width = height * _ASPECT * (0.4 if class_id == PERSON else 2.5)
    pace = 0.8 * height * _ASPECT if class_id == PERSON else width
    heading = rng.choice((-1.0, 1.0))
    return _MovingObject(
        object_id=object_id,
        class_id=class_id,
        center_x=0.5 - heading * (0.5 + width / 2),
        bottom_y=float(np.clip(0.35 + height + rng.normal(0.0, 0.08), height, 1.0)),
        width=width,
        height=height,
        speed=heading * pace * rng.uniform(0.4, 1.4),
    )


def _advance(rng: np.random.Generator, mover: _MovingObject, step_s: float) -> None:
    """Move the objects on by one frame; some stop for a while, or turn."""
    if mover.wait_s > 0.0:
        mover.wait_s -= step_s
        return
    mover.center_x += mover.speed * step_s
    if rng.random() < 0.05 * step_s:
        mover.wait_s = rng.uniform(1.0, 6.0)
        mover.speed *= rng.choice((1.0, 1.0, -1.0))


def _detect(
    rng: np.random.Generator,
    scenario: StreetScenario,
    movers: list[_MovingObject],
    captured_ns: int,
) -> SimulatedFrame:
    boxes = np.array([mover.box() for mover in movers], np.float32).reshape(-1, 4)
    inside = np.clip(boxes, 0.0, 1.0)
    visible = _visible_share(inside, areas(boxes))
    shown = visible > 0.3
    found: list[tuple[F32, float, int]] = []
    for index in np.flatnonzero(shown).tolist():
        plain = visible[index] > 0.6
        if rng.random() < (scenario.miss_rate if plain else 0.4):
            continue
        score = float(np.clip(rng.normal(0.72 if plain else 0.45, scenario.score_std), 0.05, 0.99))
        found.append(
            (_jittered(rng, inside[index], scenario.box_jitter), score, movers[index].class_id)
        )
        if rng.random() < scenario.duplicate_rate:
            piece = _jittered(rng, _partial_box(rng, inside[index]), scenario.box_jitter)
            found.append((piece, score * rng.uniform(0.4, 0.9), movers[index].class_id))
    for _ in range(rng.poisson(scenario.false_positives_per_frame)):
        corner, size = rng.uniform(0.0, 0.8, 2), rng.uniform(0.05, 0.2, 2)
        invented = np.concatenate((corner, corner + size)).astype(np.float32)
        found.append((invented, rng.uniform(0.3, 0.8), PERSON))
    found.sort(key=lambda one: -one[1])
    detections = Detections(
        np.array([box for box, _, _ in found], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in found], np.float32),
        np.array([class_id for _, _, class_id in found], np.int32),
    )
    keys = np.array([mover.object_id for mover in movers], np.int64)
    return SimulatedFrame(captured_ns, keys[shown], inside[shown], detections)


def _visible_share(boxes: F32, whole: F32) -> F32:
    """Return the share of each object that is in the frame and not behind a nearer one; nearer objects are lower."""
    shares = areas(boxes) / whole
    for index, box in enumerate(boxes):
        nearer = boxes[boxes[:, 3] > box[3]]
        low, high = np.maximum(nearer[:, :2], box[:2]), np.minimum(nearer[:, 2:], box[2:])
        hidden = np.prod(np.maximum(high - low, 0.0), axis=1).max(initial=0.0)
        shares[index] -= hidden / whole[index]
    return shares


def _partial_box(rng: np.random.Generator, box: F32) -> F32:
    """Return at least two thirds of a box, at one side of it."""
    piece = box.copy()
    edge = rng.integers(4)
    across = box[(edge + 2) % 4] - box[edge]
    piece[edge] += across * rng.uniform(0.1, 0.35)
    return piece


def _jittered(rng: np.random.Generator, box: F32, jitter: float) -> F32:
    size = np.tile(box[2:] - box[:2], 2)
    shaken = np.clip(box + rng.normal(0.0, jitter, 4) * size, 0.0, 1.0)
    low, high = np.minimum(shaken[:2], shaken[2:]), np.maximum(shaken[:2], shaken[2:])
    return np.concatenate((low, high)).astype(np.float32)
