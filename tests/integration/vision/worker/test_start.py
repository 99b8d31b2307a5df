"""The start of a worker: its cameras open while the model loads."""

from pathlib import Path

from edged.vision.camera_messages import CameraJob
from edged.vision.messages import ModelReady, Observation, WorkerFault, WorkerReport
from support.cameras import write_clip
from support.vision_worker import (
    LIVE_CAMERA,
    WorkerUnderTest,
    camera_job,
    make_plan,
    simulated_model,
)


def run_to_the_end(worker: WorkerUnderTest) -> WorkerFault:
    """Read until the worker has ended; return the fault, which is its last message."""
    while worker.read_message() is not None:
        pass
    last = worker.messages[-1].message
    assert isinstance(last, WorkerFault)
    return last


def test_a_live_camera_delivers_frames_while_the_model_loads(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "slow", open_ms=2000)
    with WorkerUnderTest(make_plan(0, model), LIVE_CAMERA) as worker:
        assert isinstance(worker.read_message(), ModelReady)
        report = worker.read_until(WorkerReport).cameras[0]
        assert report.state == "running"
        # 400 come in two seconds, on a quiet machine.
        assert report.captured >= 20
        newest = worker.read_until(Observation)
        assert newest.frame_seq >= report.dropped > 0


def test_a_recording_begins_when_the_model_is_ready(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "slow", open_ms=1000)
    clip = write_clip(tmp_path / "clip.avi", 5)
    for isolation in ("thread", "process"):
        job = camera_job(source="replay", path=str(clip), speed="real")
        job = CameraJob(
            name=job.name,
            source=job.source,
            isolation=isolation,
            driver_settings=job.driver_settings,
        )
        with WorkerUnderTest(make_plan(0, model), job) as worker:
            assert worker.read_until(Observation).frame_seq == 0


def test_a_model_that_cannot_be_used_ends_the_worker_and_its_cameras(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "bad", open_ms=300, nan_after=0)
    with WorkerUnderTest(make_plan(0, model), LIVE_CAMERA) as worker:
        assert run_to_the_end(worker).kind == "model"
        assert worker.stop()[0] == 1


def test_a_camera_that_hangs_while_it_opens_does_not_hold_up_the_fault(tmp_path: Path) -> None:
    model = simulated_model(tmp_path, "bad", nan_after=0)
    pipe = tmp_path / "pipe.avi"
    pipe.touch()
    # Nobody listens there: the driver tries for seconds.
    rtsp = camera_job(source="rtsp", url="rtsp://127.0.0.1:9/none")
    with WorkerUnderTest(make_plan(0, model), rtsp) as worker:
        assert run_to_the_end(worker).kind == "model"
        assert worker.stop()[0] == 1
