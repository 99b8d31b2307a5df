"""Where a recording goes on when its worker was replaced."""

import msgspec

from edged.daemon.recordings import RecordingPositions
from edged.vision.camera_messages import CameraJob


def job(path: str = "clip.mp4") -> CameraJob:
    return CameraJob(
        name="front",
        source="replay",
        isolation="thread",
        driver_settings=msgspec.Raw(msgspec.json.encode({"path": path})),
    )


def test_a_recording_goes_on_behind_what_was_read() -> None:
    positions = RecordingPositions()
    assert positions.resume(job(), 0).resume_at == 0
    assert positions.resume(job(), 57).resume_at == 57
    assert positions.resume(job(), 80).resume_at == 80


def test_a_picture_that_no_worker_survives_is_skipped() -> None:
    positions = RecordingPositions()
    positions.resume(job(), 0)
    assert [positions.resume(job(), 57).resume_at for _ in range(4)] == [57, 58, 59, 60]
    assert positions.resume(job(), 60).resume_at == 63


def test_another_recording_begins_at_its_first_picture() -> None:
    positions = RecordingPositions()
    positions.resume(job(), 0)
    positions.resume(job(), 57)
    assert positions.resume(job("other.mp4"), 60).resume_at == 0
    assert positions.resume(job("other.mp4"), 70).resume_at == 10
