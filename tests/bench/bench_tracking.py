"""Quality and cost of edged's tracker, compared with libraries.

It is not one of the tests, because it needs these libraries, and a metric library, in an environment of its own:

    pip install msgspec numpy trackeval motpy filterpy rich "supervision==0.27.0" trackers
    pip install --no-deps norfair
    PYTHONPATH=.:tests python tests/bench/bench_tracking.py
    PYTHONPATH=.:tests python tests/bench/bench_tracking.py cost

(norfair and trackers ask for different versions of rich.) The first prints quality, and may be followed by names of streets; the second prints the cost at
3, 10 and 50 objects. Libraries that are not installed are left out. All trackers get the same frames, in another order each frame. HOTA, MOTA and IDF1 are those of
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
from edged.types import F32, DetectedBox, Detections
from support.detected_boxes import to_boxes
from support.street_simulation import SimulatedFrame, StreetScenario, simulate_street

WIDTH, HEIGHT = 1280, 720
PIXELS = np.array((WIDTH, HEIGHT, WIDTH, HEIGHT), np.float32)
STRONG_SCORE = 0.5
SETTINGS = TrackSettings(min_s=0.0)
"""The others confirm an object by the number of its detections alone."""
SEEDS = range(5)
FRAME_RATES = (30, 10, 5)
COST_FRAMES = 200
COST_REPEATS = 3
SCENARIOS = {
    **{f"few, {fps} fps": StreetScenario(people=3, cars=1, fps=fps) for fps in FRAME_RATES},
    **{
        f"occlusion, {fps} fps": StreetScenario(people=8, cars=1, fps=fps, miss_rate=0.1)
        for fps in FRAME_RATES
    },
    **{
        f"misses, {fps} fps": StreetScenario(
            people=5, fps=fps, miss_rate=0.3, score_std=0.15, box_jitter=0.06
        )
        for fps in FRAME_RATES
    },
    "crowd, 10 fps": StreetScenario(people=12, miss_rate=0.1, false_positives_per_frame=0.2),
    "street, 2 fps": StreetScenario(people=3, cars=1, fps=2, duration_s=120),
}
TrackerOutput = tuple[list[int], F32]
"""Ids and (N, 4) boxes in fractions, of what the tracker holds to be in this frame."""


class TrackerAdapter(Protocol):
    def __init__(self, fps: float) -> None: ...
    def prepare(self, frame: SimulatedFrame) -> Any:
        """Return the frame's detections in the tracker's own form; its time does not count."""

    def update(self, prepared: Any) -> Any:
        """Give the tracker a frame; its time counts."""

    def read(self, answer: Any) -> TrackerOutput:
        """Return what `update` answered."""


class Edged:
    settings: ClassVar[TrackSettings] = SETTINGS

    def __init__(self, fps: float) -> None:
        del fps  # it uses the times of the frames
        self._tracker = Tracker(self.settings)

    def prepare(self, frame: SimulatedFrame) -> tuple[tuple[DetectedBox, ...], list[bool], int]:
        seen = _usable(frame)
        return to_boxes(seen), (seen.scores >= STRONG_SCORE).tolist(), frame.captured_ns

    def update(self, prepared: tuple[tuple[DetectedBox, ...], list[bool], int]) -> Any:
        return self._tracker.update(*prepared)

    def read(self, answer: Any) -> TrackerOutput:
        here = [track for track in answer.tracks if track.seen]
        return [track.id for track in here], _boxes([track.box for track in here])


class EdgedByDefault(Edged):
    settings: ClassVar[TrackSettings] = TrackSettings()


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

    def prepare(self, frame: SimulatedFrame) -> Any:
        strong = _strong(frame)
        self._current = [
            self._lib.Detection((box * PIXELS).reshape(2, 2), np.full(2, score), label=label)
            for box, score, label in zip(strong.boxes, strong.scores, strong.class_ids, strict=True)
        ]
        return self._current

    def update(self, prepared: Any) -> Any:
        return self._tracker.update(detections=prepared)

    def read(self, answer: Any) -> TrackerOutput:
        current = {id(one) for one in self._current}
        here = [one for one in answer if id(one.last_detection) in current]
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

    def prepare(self, frame: SimulatedFrame) -> Any:
        strong = _strong(frame)
        return [
            self._lib.Detection(box=box * PIXELS, score=float(score), class_id=int(label))
            for box, score, label in zip(strong.boxes, strong.scores, strong.class_ids, strict=True)
        ]

    def update(self, prepared: Any) -> Any:
        return self._tracker.step(prepared)

    def read(self, answer: Any) -> TrackerOutput:
        del answer
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

    def prepare(self, frame: SimulatedFrame) -> Any:
        return _to_supervision(self._lib, frame)

    def update(self, prepared: Any) -> Any:
        return self._tracker.update_with_detections(prepared)

    def read(self, answer: Any) -> TrackerOutput:
        return list(answer.tracker_id), _boxes(answer.xyxy / PIXELS)


class Roboflow:
    name: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {
        "minimum_iou_threshold": SETTINGS.min_match_iou,
        "high_conf_det_threshold": STRONG_SCORE,
    }

    def __init__(self, fps: float) -> None:
        self._lib: Any = import_module("supervision")
        self._tracker = getattr(import_module("trackers"), self.name)(
            lost_track_buffer=round(SETTINGS.lost_s * 30),
            frame_rate=fps,
            minimum_consecutive_frames=SETTINGS.min_hits,
            **self.options,
        )

    def prepare(self, frame: SimulatedFrame) -> Any:
        return _to_supervision(self._lib, frame)

    def update(self, prepared: Any) -> Any:
        return self._tracker.update(prepared)

    def read(self, answer: Any) -> TrackerOutput:
        known = answer.tracker_id >= 0
        return list(answer.tracker_id[known]), _boxes(answer.xyxy[known] / PIXELS)


class TrackersByteTrack(Roboflow):
    name = "ByteTrackTracker"


class TrackersOcSort(Roboflow):
    name = "OCSORTTracker"


class TrackersCbIou(Roboflow):
    name = "CBIoUTracker"
    options: ClassVar[dict[str, Any]] = {
        "minimum_iou_threshold_first_assoc": SETTINGS.min_match_iou,
        "high_conf_det_threshold": STRONG_SCORE,
        "track_activation_threshold": STRONG_SCORE,
    }


class TrackersBotSort(TrackersCbIou):
    name = "BoTSORTTracker"
    options: ClassVar[dict[str, Any]] = {**TrackersCbIou.options, "enable_cmc": False}
    """Without pixels there is no camera motion to compensate."""


TRACKERS: dict[str, tuple[str, type[TrackerAdapter]]] = {
    "edged": ("edged", Edged),
    "edged, default min_s": ("edged", EdgedByDefault),
    "norfair": ("norfair", Norfair),
    "motpy": ("motpy", Motpy),
    "supervision ByteTrack": ("supervision", SupervisionByteTrack),
    "trackers ByteTrack": ("trackers", TrackersByteTrack),
    "trackers OC-SORT": ("trackers", TrackersOcSort),
    "trackers BoT-SORT": ("trackers", TrackersBotSort),
    "trackers C-BIoU": ("trackers", TrackersCbIou),
}


def _strong(frame: SimulatedFrame) -> Detections:
    return frame.detections[frame.detections.scores >= STRONG_SCORE]


def _usable(frame: SimulatedFrame) -> Detections:
    return frame.detections[frame.detections.scores >= STRONG_SCORE * SETTINGS.keep_threshold]


def _boxes(boxes: Any) -> F32:
    return np.asarray(boxes, np.float32).reshape(-1, 4)


def _to_supervision(lib: Any, frame: SimulatedFrame) -> Any:
    usable = _usable(frame)
    return lib.Detections(
        xyxy=usable.boxes * PIXELS, confidence=usable.scores, class_id=usable.class_ids
    )


def run_trackers(
    frames: list[SimulatedFrame], fps: float, names: list[str]
) -> dict[str, tuple[list[TrackerOutput], float]]:
    """Run every tracker on the same frames; return their tracks, and their mean microseconds of CPU a frame."""
    contenders = {name: TRACKERS[name][1](fps) for name in names}
    order = np.random.default_rng(len(frames))
    outputs: dict[str, list[TrackerOutput]] = defaultdict(list)
    spent_s: dict[str, float] = defaultdict(float)
    for frame in frames:
        for index in order.permutation(len(names)):
            name = names[index]
            prepared = contenders[name].prepare(frame)
            begun = time.thread_time()
            answer = contenders[name].update(prepared)
            spent_s[name] += time.thread_time() - begun
            outputs[name].append(contenders[name].read(answer))
    return {name: (outputs[name], 1e6 * spent_s[name] / len(frames)) for name in names}


def score(
    frames: list[SimulatedFrame], outputs: list[TrackerOutput]
) -> tuple[float, float, float, float]:
    """Return HOTA, IDF1, identity switches, and the number of ids for each real object."""
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
    ids_per_object = len(given) / max(1, len(truth))
    return float(np.mean(hota["HOTA"])), identity["IDF1"], float(clear["IDSW"]), ids_per_object


def scattered_frames(objects: int, fps: float = 10.0) -> list[SimulatedFrame]:
    """Return frames of so many small objects, all of them visible, which a detector misses now and then: for the cost."""
    rng = np.random.default_rng(objects)
    centres, speeds = rng.uniform(0.05, 0.95, (objects, 2)), rng.normal(0.0, 0.03, (objects, 2))
    sizes = rng.uniform(0.03, 0.08, (objects, 1)) * np.array(((0.5, 1.0),))
    frames = []
    for index in range(COST_FRAMES):
        centres = centres + speeds / fps
        speeds = np.where((centres < 0.05) | (centres > 0.95), -speeds, speeds)
        edges = np.concatenate((centres - sizes / 2, centres + sizes / 2), axis=1)
        shaken = edges + rng.normal(0.0, 0.03, edges.shape) * np.tile(sizes, 2)
        scores = np.clip(rng.normal(0.72, 0.08, objects), 0.05, 0.99).astype(np.float32)
        found = np.argsort(-scores)[rng.random(objects) > 0.05]
        detections = Detections(
            np.clip(shaken, 0.0, 1.0).astype(np.float32)[found],
            scores[found],
            np.zeros(len(found), np.int32),
        )
        at_ns = int(index / fps * 1e9)
        frames.append(
            SimulatedFrame(at_ns, np.arange(objects), edges.astype(np.float32), detections)
        )
    return frames


def print_cost(names: list[str]) -> None:
    """Print the microseconds a frame at several numbers of objects, the least of several runs: trackers in turns of a whole run, and of one frame."""
    print("| objects, turns |", " | ".join(names), "|\n|---|" + "---|" * len(names))
    for objects in (3, 10, 50):
        frames = scattered_frames(objects)
        for turns, groups in (("run", [[name] for name in names]), ("frame", [names])):
            runs = [
                {
                    name: spent_us
                    for name, (_, spent_us) in run_trackers(frames, 10.0, group).items()
                }
                for _ in range(COST_REPEATS)
                for group in groups
            ]
            least = [min(run[name] for run in runs if name in run) for name in names]
            print(f"| {objects}, {turns} |", " | ".join(f"{spent:.0f}" for spent in least), "|")


def print_quality(title: str, names: list[str]) -> None:
    """Print a Markdown table of one street, means over the seeds."""
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for seed in SEEDS:
        frames = list(simulate_street(SCENARIOS[title], seed))
        for name, (outputs, _) in run_trackers(frames, SCENARIOS[title].fps, names).items():
            rows[name].append(score(frames, outputs))
    print(f"\n| {title} | HOTA | IDF1 | switches | ids an object |\n|---|---|---|---|---|")
    for name in names:
        hota, idf1, switches, ids_per_object = np.mean(rows[name], axis=0)
        print(f"| {name} | {hota:.3f} | {idf1:.3f} | {switches:.1f} | {ids_per_object:.2f} |")


def main() -> None:
    """Print the tables that the arguments ask for."""
    warnings.simplefilter("ignore")
    names = [name for name, (module, _) in TRACKERS.items() if find_spec(module)]
    if sys.argv[1:] == ["cost"]:
        print_cost(names)
        return
    for title in sys.argv[1:] or SCENARIOS:
        print_quality(title, names)


if __name__ == "__main__":
    main()
