"""Quality and cost of edged's tracker beside the libraries that could have been taken.

Not part of the tests: it wants those libraries, and a metric library, in an environment of its own:

    pip install msgspec numpy trackeval norfair motpy "supervision==0.27.0" trackers
    PYTHONPATH=.:tests python tests/bench/bench_tracking.py

What is not installed is left out. Every tracker sees the same frames in turn, in another order each frame. HOTA, MOTA and IDF1 are
trackeval's, over the boxes of objects seen in a frame. Trackers that take no low scores get the strong detections only.
"""

import sys
import time
import warnings
from collections import defaultdict
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from typing import Any, ClassVar, Protocol

import numpy as np

from edged.config.settings import TrackSettings
from edged.scene.geometry import iou_matrix
from edged.scene.tracking import Tracker
from edged.types import F32, Detections
from support.crowd import Shot, Street, film

WIDTH, HEIGHT = 1280, 720
PIXELS = np.array((WIDTH, HEIGHT, WIDTH, HEIGHT), np.float32)
STRONG = 0.5
SETTINGS = TrackSettings()
SEEDS = range(10)
STREETS = {
    "calm 10 fps": Street(people=3),
    "crowd 10 fps": Street(people=12, miss=0.1, false=0.2),
    "crowd 25 fps": Street(people=12, miss=0.1, false=0.2, fps=25, seconds=30),
    "crowd 4 fps": Street(people=8, miss=0.1, false=0.2, fps=4),
    "street 2 fps": Street(people=3, cars=1, fps=2, seconds=120),
    "bad detector": Street(people=5, miss=0.3, flicker=0.15, jitter=0.06, false=0.5),
}
Answer = tuple[list[int], F32]
"""Ids and (N, 4) boxes in fractions, of what the tracker holds to be in this frame."""


class Contender(Protocol):
    def __init__(self, fps: float) -> None: ...
    def update(self, shot: Shot) -> Answer: ...


class Edged:
    def __init__(self, fps: float) -> None:
        del fps  # it goes by the frames' times
        self._tracker = Tracker(SETTINGS)

    def update(self, shot: Shot) -> Answer:
        seen = shot.detections[shot.detections.scores >= STRONG * SETTINGS.keep_threshold]
        update = self._tracker.update(seen, seen.scores >= STRONG, shot.captured_ns)
        here = [track for track in update.tracks if track.seen]
        return [track.id for track in here], _boxes([track.box for track in here])


class Norfair:
    def __init__(self, fps: float) -> None:
        self._lib: Any = import_module("norfair")
        lost = max(2, round(SETTINGS.lost_s * fps))
        self._tracker = self._lib.Tracker(
            distance_function="iou",
            distance_threshold=1.0 - SETTINGS.match_iou,
            hit_counter_max=lost,
            initialization_delay=min(SETTINGS.min_hits - 1, lost - 1),
        )

    def update(self, shot: Shot) -> Answer:
        strong = _strong(shot)
        found = [
            self._lib.Detection((box * PIXELS).reshape(2, 2), np.full(2, score), label=label)
            for box, score, label in zip(strong.boxes, strong.scores, strong.class_ids, strict=True)
        ]
        held = self._tracker.update(detections=found)
        current = {id(one) for one in found}
        here = [one for one in held if id(one.last_detection) in current]
        boxes = [one.last_detection.points.reshape(4) / PIXELS for one in here]
        return [one.id for one in here], _boxes(boxes)


class Motpy:
    def __init__(self, fps: float) -> None:
        self._lib: Any = import_module("motpy")
        self._tracker = self._lib.MultiObjectTracker(
            dt=1.0 / fps,
            tracker_kwargs={"max_staleness": SETTINGS.lost_s * fps},
            matching_fn_kwargs={"min_iou": SETTINGS.match_iou, "multi_match_min_iou": 1.0},
        )
        self._numbers: dict[str, int] = {}

    def update(self, shot: Shot) -> Answer:
        strong = _strong(shot)
        self._tracker.step(
            [
                self._lib.Detection(box=box * PIXELS, score=float(score), class_id=int(label))
                for box, score, label in zip(
                    strong.boxes, strong.scores, strong.class_ids, strict=True
                )
            ]
        )
        held = self._tracker.active_tracks(max_staleness=1, min_steps_alive=SETTINGS.min_hits)
        numbers = [self._numbers.setdefault(one.id, len(self._numbers)) for one in held]
        return numbers, _boxes([one.box / PIXELS for one in held])


class SupervisionByteTrack:
    def __init__(self, fps: float) -> None:
        self._lib: Any = import_module("supervision")
        self._tracker = self._lib.ByteTrack(
            track_activation_threshold=STRONG,
            lost_track_buffer=round(SETTINGS.lost_s * 30),
            minimum_matching_threshold=1.0 - SETTINGS.match_iou,
            frame_rate=fps,
            minimum_consecutive_frames=SETTINGS.min_hits,
        )

    def update(self, shot: Shot) -> Answer:
        held = self._tracker.update_with_detections(_sv(self._lib, shot.detections))
        return list(held.tracker_id), _boxes(held.xyxy / PIXELS)


class Roboflow:
    name: ClassVar[str]

    def __init__(self, fps: float) -> None:
        self._lib: Any = import_module("supervision")
        self._tracker = getattr(import_module("trackers"), self.name)(
            lost_track_buffer=round(SETTINGS.lost_s * 30),
            frame_rate=fps,
            minimum_consecutive_frames=SETTINGS.min_hits,
            minimum_iou_threshold=SETTINGS.match_iou,
            high_conf_det_threshold=STRONG,
        )

    def update(self, shot: Shot) -> Answer:
        held = self._tracker.update(_sv(self._lib, shot.detections))
        known = held.tracker_id >= 0
        return list(held.tracker_id[known]), _boxes(held.xyxy[known] / PIXELS)


class TrackersByteTrack(Roboflow):
    name = "ByteTrackTracker"


class TrackersOcSort(Roboflow):
    name = "OCSORTTracker"


CONTENDERS: dict[str, tuple[str, type[Contender]]] = {
    "edged": ("edged", Edged),
    "norfair": ("norfair", Norfair),
    "motpy": ("motpy", Motpy),
    "supervision ByteTrack": ("supervision", SupervisionByteTrack),
    "trackers ByteTrack": ("trackers", TrackersByteTrack),
    "trackers OC-SORT": ("trackers", TrackersOcSort),
}


def _strong(shot: Shot) -> Detections:
    return shot.detections[shot.detections.scores >= STRONG]


def _boxes(boxes: Any) -> F32:
    return np.asarray(boxes, np.float32).reshape(-1, 4)


def _sv(lib: Any, detections: Detections) -> Any:
    usable = detections[detections.scores >= STRONG * SETTINGS.keep_threshold]
    return lib.Detections(
        xyxy=usable.boxes * PIXELS, confidence=usable.scores, class_id=usable.class_ids
    )


def race(street: Street, seed: int, names: list[str]) -> dict[str, tuple[list[Answer], float]]:
    """Run one street past every contender: their answers, and mean milliseconds of CPU a frame."""
    contenders = {name: CONTENDERS[name][1](street.fps) for name in names}
    order = np.random.default_rng(seed)
    answers: dict[str, list[Answer]] = defaultdict(list)
    spent: dict[str, float] = defaultdict(float)
    shots = list(film(street, seed))
    for shot in shots:
        for index in order.permutation(len(names)):
            name = names[index]
            begun = time.thread_time()
            answer = contenders[name].update(shot)
            spent[name] += time.thread_time() - begun
            answers[name].append(answer)
    return {name: (answers[name], 1000 * spent[name] / len(shots)) for name in names}


def score(shots: list[Shot], answers: list[Answer]) -> tuple[float, float, float, int]:
    """HOTA, MOTA, IDF1 and the number of identity switches."""
    metrics: Any = import_module("trackeval").metrics
    truth = {key: i for i, key in enumerate(dict.fromkeys(chain(*(s.ids.tolist() for s in shots))))}
    given = {key: i for i, key in enumerate(dict.fromkeys(chain(*(ids for ids, _ in answers))))}
    sequence = {
        "num_gt_ids": len(truth),
        "num_tracker_ids": len(given),
        "num_gt_dets": sum(len(shot.ids) for shot in shots),
        "num_tracker_dets": sum(len(ids) for ids, _ in answers),
        "gt_ids": [np.array([truth[key] for key in s.ids.tolist()], int) for s in shots],
        "tracker_ids": [np.array([given[key] for key in ids], int) for ids, _ in answers],
        "similarity_scores": [
            iou_matrix(s.boxes, boxes) for s, (_, boxes) in zip(shots, answers, strict=True)
        ],
        "num_timesteps": len(shots),
    }
    quiet = {"PRINT_CONFIG": False}
    clear = metrics.CLEAR(quiet).eval_sequence(sequence)
    identity = metrics.Identity(quiet).eval_sequence(sequence)
    hota = metrics.HOTA().eval_sequence(sequence)
    return float(np.mean(hota["HOTA"])), clear["MOTA"], identity["IDF1"], int(clear["IDSW"])


def main() -> None:
    """Print one Markdown table a street, means over the seeds."""
    warnings.simplefilter("ignore")
    names = [name for name, (module, _) in CONTENDERS.items() if find_spec(module)]
    wanted = sys.argv[1:] or list(STREETS)
    for title in wanted:
        rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
        for seed in SEEDS:
            shots = list(film(STREETS[title], seed))
            for name, (answers, spent_ms) in race(STREETS[title], seed, names).items():
                rows[name].append((*score(shots, answers), spent_ms))
        print(
            f"\n| {title} | HOTA | MOTA | IDF1 | switches | ms a frame |\n|---|---|---|---|---|---|"
        )
        for name in names:
            hota, mota, idf1, switches, spent_ms = np.mean(rows[name], axis=0)
            print(
                f"| {name} | {hota:.3f} | {mota:.3f} | {idf1:.3f} | {switches:.1f} | {spent_ms:.2f} |"
            )


if __name__ == "__main__":
    main()
