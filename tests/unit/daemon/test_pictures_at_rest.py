"""Objects in a picture at rest, when their scene, their worker or their camera changes; the workers are stand-ins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.cameras.synthetic import SyntheticCamera
from edged.clock import NS_PER_S
from edged.config.settings import CameraSettings, EventSettings, ModelSettings, Settings
from edged.types import DetectedBox
from edged.vision.active_model import ActiveModel
from edged.vision.camera_messages import PictureAtRest
from edged.vision.process import WorkerExited
from support.vision_service import IdleVisionService, RecordingListener, idle_vision_service
from support.worker_messages import camera_report, model_ready, observation

FPS = 12
FRAMES_PER_REST = 3
"""A worker reports a picture at rest four times a second."""
RED = DetectedBox((0.1, 0.1, 0.3, 0.3), 0.9, 0)
SETTINGS = Settings(
    camera={"a": CameraSettings(source="synthetic", driver=SyntheticCamera.Settings())}
)
OTHER_RULES = replace(SETTINGS, events=EventSettings(update_s=7.0))
MODEL = ActiveModel(settings=ModelSettings())


class StillScene:
    """A camera that shows one object which never moves: its worker runs the model for a second, then reports the picture at rest."""

    def __init__(self, service: IdleVisionService) -> None:
        self.service = service
        self._frame = 0

    def run_model(self, seconds: float = 1.0) -> None:
        """Let the model run for some time."""
        for _ in range(int(seconds * FPS)):
            at_ns = self._next_ns(1)
            seen = observation(self._frame, captured_ns=at_ns, detections=(RED,))
            self.service.receive(seen)

    def rest(self, seconds: float) -> None:
        """Let the picture be at rest for some time."""
        for _ in range(int(seconds * FPS) // FRAMES_PER_REST):
            at_ns = self._next_ns(FRAMES_PER_REST)
            rest = PictureAtRest(camera=0, frame_seq=self._frame, captured_ns=at_ns)
            self.service.receive(rest)

    @property
    def count(self) -> int:
        """The objects that the camera's state names."""
        return self.service.cameras["a"].scene_state.counts.get("red", 0)

    def _next_ns(self, frames: int) -> int:
        self._frame += frames
        return self._frame * NS_PER_S // FPS


@pytest.fixture
def still(tmp_path: Path) -> Iterator[StillScene]:
    with idle_vision_service(
        SETTINGS, MODEL, folder=tmp_path, listener=RecordingListener()
    ) as service:
        service.get_ready()
        service.receive(camera_report("a"))
        scene = StillScene(service)
        scene.run_model()
        scene.rest(1.0)
        assert scene.count == 1
        yield scene


def test_a_reload_of_a_scenes_rules_finds_what_stands_there_again(still: StillScene) -> None:
    still.service.apply_settings(OTHER_RULES, MODEL)
    assert still.count == 0
    still.rest(1.0)
    assert still.count == 1, "the worker runs the model again only after half a minute"


def test_what_stands_there_is_not_known_after_the_loss_of_the_camera(still: StillScene) -> None:
    still.service.receive(camera_report("a", state="lost"))
    still.service.receive(camera_report("a"))
    still.rest(1.0)
    assert still.count == 0, "the camera may show something else"
    still.run_model()
    assert still.count == 1


def test_what_stands_there_is_not_known_after_the_loss_of_the_worker(still: StillScene) -> None:
    lost = still.service.processes[0]
    still.service.on_worker_exit(WorkerExited(0, lost.run, "was killed by SIGSEGV"))
    still.service._pool.retry_now()
    still.service.get_ready()
    still.rest(1.0)
    assert still.count == 0
    still.run_model()
    assert still.count == 1


def test_what_another_model_finds_is_not_known_before_it_has_run(still: StillScene) -> None:
    still.service.receive(model_ready(labels=("blue", "red")))
    still.rest(1.0)
    assert (still.count, still.service.cameras["a"].scene_state.counts) == (0, {})


def test_no_object_begins_after_the_last_state(still: StillScene) -> None:
    """A worker that is slow to end still sends what it has seen, while the broker takes the rest."""
    still.service.end_all_objects()
    assert still.count == 0
    still.run_model()
    still.rest(1.0)
    assert still.count == 0
