"""What a vision worker's process gives the supervisor."""

from dataclasses import dataclass

from edged.vision.messages import FromWorker


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """A vision worker said something. `run` tells its successive processes apart."""

    worker: int
    run: int
    message: FromWorker


@dataclass(frozen=True, slots=True)
class WorkerExited:
    """A vision worker's process has ended, or talks nonsense and must be ended; `reason` says which."""

    worker: int
    run: int
    reason: str
