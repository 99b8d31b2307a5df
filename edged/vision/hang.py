"""The verdict on a silent worker: whether it hangs, and what outside the model explains it.

Time in which a worker waits for a processor is no silence. A worker that announces `ModelLoading` may be silent for as long as one that starts.
"""

from dataclasses import dataclass

from edged.clock import NS_PER_S
from edged.host.scheduling import find_obstacle
from edged.vision.worker_state import Phase, WorkerState

MAX_START_S = 60.0
"""A USB accelerator uploads its firmware first; a slow card reads a large model."""
MAX_STARVATION = 4
"""A worker that gets no processor is killed after this multiple of its limit."""


@dataclass(frozen=True, slots=True)
class Hang:
    """The verdict on a worker that is to be killed.

    Attributes:
        reason: what it did not do, in words.
        outside_cause: what outside the model explains that, in words; None if the model can be the cause.
    """

    reason: str
    outside_cause: str | None


def find_hang(worker: WorkerState, now_ns: int, hang_s: float) -> Hang | None:
    """Judge the silence of a worker that starts or runs; None if it may go on.

    Args:
        worker: the worker; its silence is measured.
        now_ns: now, on the pool's time line.
        hang_s: seconds of silence after which a running worker hangs.
    """
    if worker.process is None:
        return None
    limit_s = max(MAX_START_S, hang_s) if worker.is_loading else hang_s
    since_ns = worker.last_message_ns
    silence_ns = worker.silence.measure_ns(since_ns, now_ns, worker.process.pid)
    is_starved = now_ns - since_ns > MAX_STARVATION * limit_s * NS_PER_S
    if silence_ns <= limit_s * NS_PER_S and not is_starved:
        return None
    cause = find_obstacle(worker.process.pid) or ("it got no processor" if is_starved else None)
    if worker.is_loading and worker.uses_delegate:
        cause = cause or "the accelerator did not open in time"
    return Hang(_describe(worker, limit_s), cause)


def _describe(worker: WorkerState, limit_s: float) -> str:
    if worker.phase is Phase.STARTING:
        return f"did not start within {limit_s:g} s"
    return f"made no progress for {limit_s:g} s" + (
        " while it loaded a model" if worker.is_loading else ""
    )
