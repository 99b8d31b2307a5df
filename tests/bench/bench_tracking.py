"""Quality and cost of edged's tracker, compared with libraries.

It is not one of the tests, because it needs these libraries, and a metric library, in an environment of its own:

    pip install msgspec numpy trackeval norfair motpy "supervision==0.27.0" trackers
    PYTHONPATH=.:tests python tests/bench/bench_tracking.py

Libraries that are not installed are left out. All trackers get the same frames, in another order each frame. HOTA, MOTA and IDF1 are those of
trackeval, over the boxes of the objects that are visible in a frame. Trackers that do not use low scores get the strong detections only.
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
from edged.scene.box_arrays import iou_matrix
from edged.scene.tracking import Tracker
from edged.types import F32, Detections
from support.street_simulation import SimulatedFrame, StreetScenario, simulate_street

WIDTH, HEIGHT = 1280, 720
PIXELS = np.array((WIDTH, HEIGHT, WIDTH, HEIGHT), np.float32)
STRONG_SCORE = 0.5
SETTINGS = TrackSettings()
SEEDS = range(10)
SCENARIOS = {
    "calm 10 fps": StreetScenario(people=3),
    "crowd 10 fps": StreetScenario(people=12, miss_rate=0.1, false_positives_per_frame=0.2),
    "crowd 25 fps": StreetScenario(
        people=12, miss_rate=0.1, false_positives_per_frame=0.2, fps=25, duration_s=30
    ),
    "crowd 4 fps": StreetScenario(people=8, miss_rate=0.1, false_positives_per_frame=0.2, fps=4),
    "street 2 fps": StreetScenario(people=3, cars=1, fps=2, duration_s=120),
    "bad detector": StreetScenario(
        people=5, miss_rate=0.3, score_std=0.15, box_jitter=0.06, false_positives_per_frame=0.5
    ),
}
TrackerOutput = tuple[list[int], F32]
"""Ids and (N, 4) boxes in fractions, of what the tracker holds to be in this frame."""


class TrackerAdapter(Protocol):
    def __init__(self, fps: float) -> None: ...
    def update(self, frame: SimulatedFrame) -> TrackerOutput: ...


class Edged:
    def __init__(self, fps: float) -> None:
        del fps  # it uses the times of the frames
        self._tracker = Tracker(SETTINGS)

    def update(self, frame: SimulatedFrame) -> TrackerOutput:
        seen = frame.detections[frame.detections.scores >= STRONG_SCORE * SETTINGS.keep_threshold]
        update = self._tracker.update(seen, seen.scores >= STRONG_SCORE, frame.captured_ns)
        here = [track for track in update.tracks if track.seen]
        return [track.id for track in here], _boxes([track.box for track in here])


class Norfair:
    def __init__(self, fps: float) -> None:
        self._lib: Any = import_module("norfair")
        lost = max(2, round(SETTINGS.lost_s * fps))
        self._tracker = self._lib.Tracker(
            distance_function="iou",
            distance_threshold=1.0 - SETTINGS.min_match_iou,
            hit_counter_max=lost,
            initialization_delay=min(SETTINGS.min_hits - 1, lost - 1),
        )

    def update(self, frame: SimulatedFrame) -> TrackerOutput:
        strong = _strong(frame)
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
            matching_fn_kwargs={"min_iou": SETTINGS.min_match_iou, "multi_match_min_iou": 1.0},
        )
        self._numbers: dict[str, int] = {}

    def update(self, frame: SimulatedFrame) -> TrackerOutput:
        strong = _strong(frame)
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
            track_activation_threshold=STRONG_SCORE,
            lost_track_buffer=round(SETTINGS.lost_s * 30),
            minimum_matching_threshold=1.0 - SETTINGS.min_match_iou,
            frame_rate=fps,
            minimum_consecutive_frames=SETTINGS.min_hits,
        )

    def update(self, frame: SimulatedFrame) -> TrackerOutput:
        held = self._tracker.update_with_detections(_sv(self._lib, frame.detections))
        return list(held.tracker_id), _boxes(held.xyxy / PIXELS)


class Roboflow:
    name: ClassVar[str]

    def __init__(self, fps: float) -> None:
        self._lib: Any = import_module("supervision")
        self._tracker = getattr(import_module("trackers"), self.name)(
            lost_track_buffer=round(SETTINGS.lost_s * 30),
            frame_rate=fps,
            minimum_consecutive_frames=SETTINGS.min_hits,
            minimum_iou_threshold=SETTINGS.min_match_iou,
            high_conf_det_threshold=STRONG_SCORE,
        )

    def update(self, frame: SimulatedFrame) -> TrackerOutput:
        held = self._tracker.update(_sv(self._lib, frame.detections))
        known = held.tracker_id >= 0
        return list(held.tracker_id[known]), _boxes(held.xyxy[known] / PIXELS)


class TrackersByteTrack(Roboflow):
    name = "ByteTrackTracker"


class TrackersOcSort(Roboflow):
    name = "OCSORTTracker"


TRACKERS: dict[str, tuple[str, type[TrackerAdapter]]] = {
    "edged": ("edged", Edged),
    "norfair": ("norfair", Norfair),
    "motpy": ("motpy", Motpy),
    "supervision ByteTrack": ("supervision", SupervisionByteTrack),
    "trackers ByteTrack": ("trackers", TrackersByteTrack),
    "trackers OC-SORT": ("trackers", TrackersOcSort),
}


def _strong(frame: SimulatedFrame) -> Detections:
    return frame.detections[frame.detections.scores >= STRONG_SCORE]


def _boxes(boxes: Any) -> F32:
    return np.asarray(boxes, np.float32).reshape(-1, 4)


def _sv(lib: Any, detections: Detections) -> Any:
    usable = detections[detections.scores >= STRONG_SCORE * SETTINGS.keep_threshold]
    return lib.Detections(
        xyxy=usable.boxes * PIXELS, confidence=usable.scores, class_id=usable.class_ids
    )


def run_trackers(
    scenario: StreetScenario, seed: int, names: list[str]
) -> dict[str, tuple[list[TrackerOutput], float]]:
    """Run every tracker on one street; return their tracks, and their mean milliseconds of CPU a frame."""
    contenders = {name: TRACKERS[name][1](scenario.fps) for name in names}
    order = np.random.default_rng(seed)
    answers: dict[str, list[TrackerOutput]] = defaultdict(list)
    spent: dict[str, float] = defaultdict(float)
    shots = list(simulate_street(scenario, seed))
    for shot in shots:
        for index in order.permutation(len(names)):
            name = names[index]
            begun = time.thread_time()
            answer = contenders[name].update(shot)
            spent[name] += time.thread_time() - begun
            answers[name].append(answer)
    return {name: (answers[name], 1000 * spent[name] / len(shots)) for name in names}


def score(
    frames: list[SimulatedFrame], outputs: list[TrackerOutput]
) -> tuple[float, float, float, int]:
    """Return HOTA, MOTA, IDF1 and the number of identity switches."""
    metrics: Any = import_module("trackeval").metrics
    truth = {
        key: i
        for i, key in enumerate(dict.fromkeys(chain(*(s.object_ids.tolist() for s in frames))))
    }
    given = {key: i for i, key in enumerate(dict.fromkeys(chain(*(ids for ids, _ in outputs))))}
    sequence = {
        "num_gt_ids": len(truth),
        "num_tracker_ids": len(given),
        "num_gt_dets": sum(len(shot.object_ids) for shot in frames),
        "num_tracker_dets": sum(len(ids) for ids, _ in outputs),
        "gt_ids": [np.array([truth[key] for key in s.object_ids.tolist()], int) for s in frames],
        "tracker_ids": [np.array([given[key] for key in ids], int) for ids, _ in outputs],
        "similarity_scores": [
            iou_matrix(s.true_boxes, boxes) for s, (_, boxes) in zip(frames, outputs, strict=True)
        ],
        "num_timesteps": len(frames),
    }
    quiet = {"PRINT_CONFIG": False}
    clear = metrics.CLEAR(quiet).eval_sequence(sequence)
    identity = metrics.Identity(quiet).eval_sequence(sequence)
    hota = metrics.HOTA().eval_sequence(sequence)
    return float(np.mean(hota["HOTA"])), clear["MOTA"], identity["IDF1"], int(clear["IDSW"])


def main() -> None:
    """Print one Markdown table a street, means over the seeds."""
    warnings.simplefilter("ignore")
    names = [name for name, (module, _) in TRACKERS.items() if find_spec(module)]
    wanted = sys.argv[1:] or list(SCENARIOS)
    for title in wanted:
        rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
        for seed in SEEDS:
            shots = list(simulate_street(SCENARIOS[title], seed))
            for name, (answers, spent_ms) in run_trackers(SCENARIOS[title], seed, names).items():
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
