"""What the workers report of their plans, and when it still counts; their processes are stand-ins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.cameras.synthetic import SyntheticCamera
from edged.config.settings import (
    CameraSettings,
    LogSettings,
    MaskSettings,
    ModelSettings,
    Settings,
)
from edged.health import Conditions
from edged.vision.active_model import ActiveModel
from edged.vision.messages import PlanDeclined
from edged.vision.process import WorkerExited
from edged.vision.trial_messages import CandidateFailure, ShadowComparison
from support.vision_service import IdleVisionService, RecordingListener, idle_vision_service
from support.worker_messages import (
    camera_report,
    candidate_failure,
    observation,
    shadow_comparison,
)

OLD = ActiveModel(settings=ModelSettings(path=Path("/old.tflite")))
NEW = ActiveModel(
    settings=ModelSettings(path=Path("/new.tflite")), name="marks@2", shadow=OLD.settings
)
MASK = MaskSettings(points=((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)))


def camera(**settings: object) -> CameraSettings:
    return CameraSettings(source="synthetic", driver=SyntheticCamera.Settings(), **settings)  # type: ignore[arg-type] # any field, by name


SETTINGS = Settings(camera={"a": camera()})


@pytest.fixture
def listener() -> RecordingListener:
    return RecordingListener()


@pytest.fixture
def conditions() -> Conditions:
    return Conditions()


@pytest.fixture
def service(
    tmp_path: Path, listener: RecordingListener, conditions: Conditions
) -> Iterator[IdleVisionService]:
    with idle_vision_service(
        SETTINGS, OLD, folder=tmp_path, listener=listener, conditions=conditions
    ) as service:
        service.get_ready()
        yield service


def test_a_worker_is_sent_each_new_active_model_once(service: IdleVisionService) -> None:
    for model in (OLD, NEW, NEW, OLD):
        service.set_active_model(model)
    assert [(plan.number, plan.model) for plan in service.processes[0].plans] == [
        (0, OLD.settings),
        (1, NEW.settings),
        (2, OLD.settings),
    ]


def test_messages_of_an_outdated_plan_are_ignored(
    service: IdleVisionService, listener: RecordingListener
) -> None:
    service.set_active_model(NEW)
    late: list[PlanDeclined | CandidateFailure | ShadowComparison] = [
        PlanDeclined(plan=1, reason="its goldens fail"),
        candidate_failure(plan=1),
        shadow_comparison(plan=1),
    ]
    for message in late:
        service.receive(message)
    assert listener.messages == late
    service.set_active_model(OLD)
    for message in late:
        service.receive(message)
    assert listener.messages == late
    service.receive(PlanDeclined(plan=2, reason="it is gone"))
    assert listener.messages[len(late) :] == [PlanDeclined(plan=2, reason="it is gone")]


def test_a_changed_setting_keeps_the_plans_number_and_a_changed_model_raises_it(
    service: IdleVisionService,
) -> None:
    process = service.processes[0]
    debug = replace(SETTINGS, log=LogSettings(level="debug"))
    service.apply_settings(debug, OLD)
    service.apply_settings(replace(debug, camera={"a": camera(mask={"m": MASK})}), OLD)
    service.apply_settings(SETTINGS, NEW)
    assert service.processes[0] is process
    sent = [(p.number, p.log_level, len(p.cameras[0].masks)) for p in process.plans]
    assert sent == [(0, "info", 0), (0, "debug", 0), (0, "debug", 1), (1, "info", 0)]


def test_another_hang_limit_sends_no_plan(service: IdleVisionService) -> None:
    slow = replace(SETTINGS, model=ModelSettings(hang_s=60.0))
    service.apply_settings(slow, replace_settings(OLD, hang_s=60.0))
    assert len(service.processes[0].plans) == 1
    assert service._pool.hang_s == 60.0


def replace_settings(model: ActiveModel, **changes: object) -> ActiveModel:
    return ActiveModel(settings=replace(model.settings, **changes))


def test_a_removed_camera_takes_its_conditions_and_only_its_worker_along(
    tmp_path: Path, listener: RecordingListener, conditions: Conditions
) -> None:
    three = Settings(
        model=ModelSettings(workers=3), camera={"a": camera(), "b": camera(), "c": camera()}
    )
    with idle_vision_service(
        three, OLD, folder=tmp_path, listener=listener, conditions=conditions
    ) as service:
        service.get_ready()
        before = dict(service.processes)
        service.receive(camera_report("a", state="lost", reason="unplugged"))
        assert [condition.name for condition in conditions.active] == ["camera.a"]
        two = {name: three.camera[name] for name in ("b", "c")}
        service.apply_settings(replace(three, camera=two), OLD)
        service.get_ready()
        assert not conditions.active
        assert list(service.cameras) == ["b", "c"]
        assert before[0].was_stopped
        assert [service.processes[n] is before[n] for n in (1, 2)] == [True, True]
        service.receive(camera_report("c", captured=3), worker=2)
        assert service.cameras["c"].is_online
        service.on_worker_exit(WorkerExited(0, before[0].run, "exited with 0"))
        assert not listener.losses, "it was replaced on purpose"


def test_a_reload_of_the_model_replaces_every_worker_and_its_counters_go_on(
    service: IdleVisionService,
) -> None:
    service.receive(camera_report("a", captured=5, inferred=5))
    threads = replace(SETTINGS, model=ModelSettings(threads=2))
    before = service.processes[0]
    service.apply_settings(threads, replace_settings(OLD, threads=2))
    assert before.was_stopped
    assert not service.is_startup_complete
    assert service.model_info is None
    service.get_ready()
    assert service.processes[0] is not before
    service.receive(camera_report("a", captured=2))
    assert service.cameras["a"].frame_counts[0] == 7


def test_an_observation_that_a_newer_one_supersedes_is_counted_and_is_evidence_all_the_same(
    service: IdleVisionService, listener: RecordingListener
) -> None:
    for frame in range(3):
        service.receive(observation(frame), is_superseded=frame < 2)
    health = service.cameras["a"].sample_health(3)
    assert health.observations_skipped == 2
    assert [seen.frame_seq for seen in listener.observations] == [0, 1, 2]


def test_a_worker_that_cannot_be_started_is_a_loss(
    tmp_path: Path, listener: RecordingListener, conditions: Conditions
) -> None:
    huge = Settings(camera={"a": camera()}, model=ModelSettings(labels=("x" * 100,) * 1000))
    active = ActiveModel(settings=huge.model)
    with idle_vision_service(
        huge, active, folder=tmp_path, listener=listener, conditions=conditions
    ) as service:
        service._launch = super(IdleVisionService, service)._launch  # type: ignore[method-assign, assignment] # the real one
        service._pool._launch = service._launch
        service.tick()
    assert [condition.name for condition in conditions.active] == ["worker.0"]
    assert "over the 65536 bytes of a packet" in conditions.active[0].reason
    assert [loss.worker for loss in listener.losses] == [0]
