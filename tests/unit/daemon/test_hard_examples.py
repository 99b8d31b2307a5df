"""Hard examples: which frames are kept under which policy, how often, how many, and what is known of them. The workers are stand-ins."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edged.config.settings import (
    CameraSettings,
    CollectSettings,
    ImageSettings,
    ModelSettings,
    Settings,
)
from edged.health import Conditions
from edged.pictures.example import ExampleNote, read_note
from edged.pictures.ring import StoredPicture
from edged.types import DetectedBox
from edged.vision.active_model import ActiveModel
from edged.vision.packets import FROM_WORKER
from edged.vision.picture_messages import Picture, PictureRefusal
from edged.vision.picture_packets import pack_chunks
from edged.vision.picture_policy import Policy, allows
from support.clock import FakeClock
from support.vision_service import IdleVisionService, RecordingListener, idle_vision_service
from support.worker_messages import camera_report, observation, shadow_comparison

MODEL = ActiveModel(settings=ModelSettings(path=Path("/model.tflite")))
POLICIES: tuple[Policy, ...] = ("never", "on_request", "events")
BOX = (0.2, 0.2, 0.6, 0.8)
SURE, UNSURE = DetectedBox(BOX, 0.9, 0), DetectedBox(BOX, 0.45, 0)
JPEG = bytes(cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes())


def settings(policy: Policy = "events", hide: tuple[str, ...] = (), **collect: Any) -> Settings:
    return Settings(
        camera={"a": CameraSettings(source="synthetic")},
        images=ImageSettings(policy=policy, hide=hide),
        collect=CollectSettings(**{"enabled": True, **collect}),
    )


@dataclass
class Bench:
    """A daemon's vision side with one camera, whose worker makes every picture at once."""

    service: IdleVisionService
    clock: FakeClock
    conditions: Conditions
    folder: Path
    frame_seq: int = 0
    answered: int = 0

    def observe(self, *detections: DetectedBox) -> None:
        self.frame_seq += 1
        self.service.receive(observation(frame_seq=self.frame_seq, detections=detections))
        self.answer()

    def compare(self, only_new: int, frame_seq: int) -> None:
        message = shadow_comparison(only_new=only_new, frame_seq=frame_seq, plan=0)
        self.service.receive(message)
        self.answer()

    def ask(self) -> StoredPicture | PictureRefusal:
        outcomes: list[StoredPicture | PictureRefusal] = []
        camera = self.service.cameras.get("a")
        self.service.pictures.examples.keep_newest("a", camera, outcomes.append)
        self.answer()
        (outcome,) = outcomes
        return outcome

    def answer(self) -> None:
        requests = self.service.processes[0].picture_requests
        for request in requests[self.answered :]:
            seq = self.frame_seq if request.frame_seq is None else request.frame_seq
            picture = Picture(
                camera="", jpeg=JPEG, width=64, height=48, frame_seq=seq, captured_ns=0
            )
            for packet in pack_chunks(request.number, picture):
                self.service.receive(FROM_WORKER.decode(packet))
        self.answered = len(requests)

    def notes(self) -> list[ExampleNote]:
        folder = self.folder / "examples"
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
        return [read_note(path.read_bytes()) for path in paths]

    def reasons(self) -> list[str]:
        return [note.reason for note in self.notes()]

    def apply(self, configured: Settings) -> None:
        self.service.apply_settings(configured, MODEL)


@contextmanager
def open_bench(folder: Path, configured: Settings) -> Iterator[Bench]:
    clock, conditions = FakeClock(), Conditions()
    with idle_vision_service(
        configured,
        MODEL,
        folder=folder,
        listener=RecordingListener(),
        conditions=conditions,
        clock=clock,
    ) as service:
        service.get_ready()
        service.receive(camera_report(name="a"))
        yield Bench(service, clock, conditions, folder)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path, settings()) as bench:
        yield bench


def test_a_score_near_the_threshold_is_kept_with_what_was_found(bench: Bench) -> None:
    bench.observe(SURE)
    assert bench.notes() == []
    bench.observe(SURE, UNSURE, DetectedBox(BOX, 0.35, 0))
    (note,) = bench.notes()
    assert (note.reason, note.camera, note.device, note.width) == ("margin", "a", "d", 64)
    assert [one.score for one in note.boxes] == [0.9, 0.45]
    assert note.boxes[0].box == BOX
    assert {one.label for one in note.boxes} == {"red"}


def test_models_that_disagree_in_a_trial_are_a_reason(bench: Bench) -> None:
    bench.observe(SURE)
    bench.compare(only_new=0, frame_seq=1)
    assert bench.notes() == []
    bench.compare(only_new=1, frame_seq=1)
    assert bench.reasons() == ["disagreement"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("enabled", [False, True])
def test_what_is_kept_under_each_policy(bench: Bench, policy: Policy, enabled: bool) -> None:  # noqa: FBT001
    configured = settings(policy, enabled=enabled)
    bench.apply(configured)
    bench.observe(UNSURE)
    bench.compare(only_new=1, frame_seq=1)
    outcome = bench.ask()
    automatic = ["disagreement", "margin"] if enabled and policy == "events" else []
    asked = ["request"] if enabled and policy != "never" else []
    assert sorted(bench.reasons()) == automatic + asked
    assert isinstance(outcome, StoredPicture) == bool(asked)
    assert allows(configured, "a", "example") == bool(automatic)
    if isinstance(outcome, PictureRefusal):
        wanted = "collect.enabled" if policy != "never" else "images.policy"
        assert outcome.code == "policy"
        assert wanted in outcome.reason
    assert (bench.service.pictures.examples.health is None) == (not enabled)


@pytest.mark.parametrize("later", [settings("never"), settings(enabled=False)])
def test_what_may_be_kept_no_longer_is_removed(bench: Bench, later: Settings) -> None:
    bench.observe(UNSURE)
    assert len(bench.notes()) == 1
    bench.apply(later)
    assert list((bench.folder / "examples").iterdir()) == []


def test_a_picture_that_arrives_after_the_policy_has_changed_is_not_kept(bench: Bench) -> None:
    bench.frame_seq = 1
    bench.service.receive(observation(frame_seq=1, detections=(UNSURE,)))
    bench.apply(settings("never"))
    bench.answer()
    assert bench.notes() == []


def test_one_for_a_reason_within_the_interval(bench: Bench) -> None:
    for _ in range(5):
        bench.observe(UNSURE)
        bench.clock.sleep(10)
    assert len(bench.notes()) == 1
    bench.clock.sleep(10)
    bench.observe(UNSURE)
    assert len(bench.notes()) == 2
    assert isinstance(bench.ask(), StoredPicture), "a request does not wait"


def test_the_newest_stay_when_the_count_is_reached_also_after_a_restart(tmp_path: Path) -> None:
    with open_bench(tmp_path, settings(keep_count=3, interval_s=1.0)) as bench:
        for number in range(4):
            bench.observe(*[UNSURE] * (number + 1))
            bench.clock.sleep(2)
        assert [len(note.boxes) for note in bench.notes()] == [2, 3, 4]
    with open_bench(tmp_path, settings(keep_count=3)) as restarted:
        restarted.clock.sleep(10)
        health = restarted.service.pictures.examples.health
        assert health is not None
        assert (health.kept, health.failed) == (3, 0)
        restarted.clock.sleep(10)
        restarted.observe(*[UNSURE] * 5)
        assert [len(note.boxes) for note in restarted.notes()] == [3, 4, 5]


def test_objects_that_are_hidden_are_marked(bench: Bench) -> None:
    bench.apply(settings(hide=("red",)))
    bench.observe(UNSURE)
    (note,) = bench.notes()
    assert [one.is_hidden for one in note.boxes] == [True]


def test_a_folder_that_cannot_be_written_is_counted_and_told(bench: Bench) -> None:
    (bench.folder / "examples").write_text("not a folder")
    bench.observe(UNSURE)
    health = bench.service.pictures.examples.health
    assert health is not None
    assert (health.kept, health.failed) == (0, 1)
    assert len(bench.conditions.active) == 1
    outcome = bench.ask()
    assert isinstance(outcome, PictureRefusal)
    assert outcome.code == "not_stored"


def test_a_frame_in_which_the_model_found_nothing_can_be_kept_on_request(bench: Bench) -> None:
    bench.observe()
    assert isinstance(bench.ask(), StoredPicture)
    (note,) = bench.notes()
    assert (note.reason, note.boxes) == ("request", ())
