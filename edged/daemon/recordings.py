"""How far the recordings were read, so that a worker that replaces another goes on there."""

from dataclasses import dataclass

from msgspec.structs import replace

from edged.vision.camera_messages import CameraJob


@dataclass(slots=True)
class _Progress:
    """One camera's.

    Attributes:
        job: its job, without a position; another one begins anew.
        base: pictures that were read before this job.
        started_at: position at the newest start of a worker.
        skipped: pictures that are skipped because no worker got past them.
    """

    job: CameraJob
    base: int
    started_at: int = 0
    skipped: int = 0


class RecordingPositions:
    """The positions of all cameras; only drivers of recordings use them."""

    def __init__(self) -> None:
        """Begin every recording at its first picture."""
        self._progress: dict[str, _Progress] = {}

    def resume(self, job: CameraJob, read_count: int) -> CameraJob:
        """Return the job with the position at which a new worker begins.

        A picture at which one worker after the other is lost is skipped: otherwise the recording would never end.

        Args:
            job: the camera's job as the configuration says.
            read_count: pictures of this camera that all workers have read.
        """
        progress = self._progress.get(job.name)
        if progress is None or progress.job != job:
            self._progress[job.name] = _Progress(job, base=read_count)
            return job
        position = read_count - progress.base + progress.skipped
        if position == progress.started_at:
            progress.skipped += 1
            position += 1
        progress.started_at = position
        return replace(job, resume_at=position)
