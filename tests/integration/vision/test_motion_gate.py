"""The motion gate loses no object: on real clips and generated scenes, the events with it are those without it, and it spares what is at rest.

The model runs once on every frame. With the gate, its result counts only for the frames on which it would have run.
"""

import itertools
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from edged.cameras.replay import ReplayCamera
from edged.cameras.replay_settings import ReplaySettings
from edged.cameras.synthetic import SyntheticCamera
from edged.cameras.synthetic_settings import SyntheticSettings
from edged.clock import NS_PER_S, SystemClock
from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    EventSettings,
    ModelSettings,
    TrackSettings,
)
from edged.daemon.camera_monitor import CameraMonitor
from edged.errors import EndOfStreamError
from edged.interfaces import Camera
from edged.scene.events import EventType, TrackEvent
from edged.scene.scene import Scene
from edged.types import Detections
from edged.vision.camera_messages import CameraPlan, PictureAtRest
from edged.vision.inference_plan import InferencePlan
from edged.vision.messages import Observation
from edged.vision.packets import FROM_WORKER, pack_observation
from edged.vision.worker.frame_selection import FrameSelection
from edged.vision.worker.loading import LoadedModel, load_and_test
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stage_results import PreparedFrame
from edged.vision.worker.stages import InferencePipeline
from support.data_files import data_file

pytestmark = [pytest.mark.runtime, pytest.mark.timeout(300)]

MIN_SCORE, TOLERANCE_S = 0.3, 0.5
FULL_STEP = 3 if find_spec("ai_edge_litert") else 30
"""One of how many frames of a clip is used; the other runtime takes 0.14 s for each."""


class SeenFrame(NamedTuple):
    """A frame without its pixels, and what the model finds in it."""

    prepared: PreparedFrame
    detections: Detections


class Edge(NamedTuple):
    """The start or the end of an object; seconds of the recording."""

    type: EventType
    label: str
    at_s: float


class GateRun(NamedTuple):
    """Starts and ends, and on how many frames the model ran."""

    edges: list[Edge]
    inferred: int


def see_all(model: LoadedModel, camera: Camera, *, step: int = 1) -> list[SeenFrame]:
    """Run the model on every `step`-th frame of a recording."""
    pipeline, frames = InferencePipeline(["front"], SystemClock()), []
    camera.open()
    numbers = itertools.count()
    try:
        while True:
            frame, number = camera.grab(5.0), next(numbers)
            if number % step == 0:
                prepared = pipeline.prepare(frame)
                frames.append(
                    SeenFrame(prepared, pipeline.infer(model, prepared, MIN_SCORE).detections)
                )
    except EndOfStreamError:
        return frames
    finally:
        camera.close()


def run(frames: list[SeenFrame], labels: tuple[str, ...], *, has_gate: bool) -> GateRun:
    """Run selection and scene on the frames, as worker and supervisor do."""
    selection = FrameSelection(["front"], FrameSlots(["front"]))
    plan = CameraPlan(min_score=MIN_SCORE, inference=InferencePlan(has_gate=has_gate))
    selection.apply({"front": plan}, sees_every_frame=False)
    monitor = CameraMonitor("front")
    monitor.set_scene(
        Scene(
            CameraSettings(source="replay"),
            detect=DetectSettings(),
            track=TrackSettings(),
            events=EventSettings(),
            labels=labels,
            ids=itertools.count(),
        )
    )
    began_ns, inferred = frames[0].prepared.frame.captured_ns, 0
    events: list[TrackEvent] = []
    for prepared, detections in frames:
        frame = prepared.frame
        if selection.admit(prepared):
            inferred += 1
            selection.record(frame, detections)
            for update in monitor.observe(observe(prepared, detections), frame.received_ns):
                events += update.events
        elif selection.is_rest_due(frame):
            rest = PictureAtRest(camera=0, frame_seq=frame.seq, captured_ns=frame.captured_ns)
            at_rest = monitor.observe_rest(rest)
            events += at_rest.events if at_rest else ()
    final = monitor.end_all_objects()
    events += final.events if final else ()
    return GateRun(list(find_edges(events, began_ns)), inferred)


def observe(prepared: PreparedFrame, detections: Detections) -> Observation:
    frame = prepared.frame
    packet = pack_observation(
        0,
        frame.seq,
        frame.captured_ns,
        frame.received_ns,
        frame.width,
        frame.height,
        (0,) * 6,
        moving=prepared.moving,
        detections=detections,
    )
    observation = FROM_WORKER.decode(packet)
    assert isinstance(observation, Observation)
    return observation


def find_edges(events: list[TrackEvent], began_ns: int) -> Iterator[Edge]:
    for event in events:
        at_ns = event.started_ns if event.type is EventType.START else event.ended_ns
        if event.type is not EventType.UPDATE and at_ns is not None:
            yield Edge(event.type, event.label, (at_ns - began_ns) / NS_PER_S)


def check_same(gated: list[Edge], plain: list[Edge]) -> None:
    """Check that each start and end has its counterpart within the tolerance."""
    left = list(gated)
    for edge in plain:
        same = [
            one for one in left if one[:2] == edge[:2] and abs(one.at_s - edge.at_s) <= TOLERANCE_S
        ]
        assert same, f"{edge} is lost; left are {left}"
        left.remove(min(same, key=lambda one: abs(one.at_s - edge.at_s)))
    assert not left, "the gate invented them"


def scene_camera(**settings: object) -> SyntheticCamera:
    keys = {"fps": 15.0, "speed": "max", "width": 640, "height": 480} | settings
    return SyntheticCamera("front", SyntheticSettings(**keys), SystemClock())  # type: ignore[arg-type] # by name


@pytest.fixture(scope="module")
def marks() -> Iterator[LoadedModel]:
    loaded = load_and_test(ModelSettings(), None)
    yield loaded
    loaded.close()


@pytest.mark.parametrize("clip", ["one-by-one-person-detection.mp4", "bottle-detection.mp4"])
def test_on_a_clip_the_events_are_the_same(clip: str) -> None:
    name = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
    model = load_and_test(ModelSettings(path=Path(data_file(name))), None)
    settings = ReplaySettings(path=Path(data_file(f"video/{clip}")), speed="max")
    frames = see_all(model, ReplayCamera("front", settings, SystemClock()), step=FULL_STEP)
    plain = run(frames, model.labels, has_gate=False)
    gated = run(frames, model.labels, has_gate=True)
    model.close()
    assert plain.inferred == len(frames)
    check_same(gated.edges, plain.edges)
    assert gated.inferred <= len(frames)


@pytest.mark.parametrize("noise", [0.0, 4.0, 12.0])
def test_in_a_generated_scene_the_events_are_the_same_and_what_is_at_rest_is_spared(
    marks: LoadedModel, noise: float
) -> None:
    camera = scene_camera(seed=5, noise=noise, every_s=20.0, stay_s=6.0, frames=1200)
    frames = see_all(marks, camera)
    plain = run(frames, marks.labels, has_gate=False)
    gated = run(frames, marks.labels, has_gate=True)
    assert len(plain.edges) >= 6
    check_same(gated.edges, plain.edges)
    assert gated.inferred <= 0.75 * len(frames)


def test_of_bursts_hardly_more_than_the_moving_frames_are_inferred(marks: LoadedModel) -> None:
    camera = scene_camera(seed=9, every_s=30.0, stay_s=10.0, frames=1500)
    frames = see_all(marks, camera)
    changed = sum(frame.prepared.has_changed for frame in frames)
    settled = 15 + 5  # the first second, and what the noise may add
    bursts = sum(
        after.prepared.has_changed and not before.prepared.has_changed
        for before, after in itertools.pairwise(frames)
    )
    gated = run(frames, marks.labels, has_gate=True)
    # After each burst the gate stays open for one second.
    assert gated.inferred <= changed + settled + 15 * bursts


def test_an_empty_scene_is_not_inferred_after_its_first_second(marks: LoadedModel) -> None:
    frames = see_all(marks, scene_camera(seed=5, every_s=3600.0, frames=900))
    quiet = frames[225:]  # without the one mark that comes at the beginning
    assert not any(len(frame.detections.scores) for frame in quiet)
    gated = run(quiet, marks.labels, has_gate=True)
    assert gated.inferred <= 16
