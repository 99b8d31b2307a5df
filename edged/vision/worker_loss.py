"""The loss of a worker, and whether something outside the model explains it. Pure."""

import signal
from dataclasses import dataclass

from edged.ipc.child import describe_exit
from edged.vision.messages import WorkerFault

_OUTSIDE_EXITS = frozenset(
    describe_exit(-number)
    for number in (
        signal.SIGKILL,  # the kernel, because memory ran out, or a person
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGBUS,  # a page of a mapped file could not be read from the disk
    )
)
"""The ends that no code of a model brings about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLoss:
    """The loss of a worker.

    Attributes:
        worker: number of the worker.
        reason: how it ended, or why it was killed.
        fault: what the worker itself reported before; None if it reported nothing.
        retry_in_s: seconds until it is started again.
        outside_cause: what outside the model explains the loss, in words; None if the model can be the cause.
    """

    worker: int
    reason: str
    fault: WorkerFault | None
    retry_in_s: float
    outside_cause: str | None = None


def find_outside_cause(
    fault: WorkerFault | None, exit_reason: str, *, uses_delegate: bool
) -> str | None:
    """Return what outside the model explains that a worker ended by itself; None if the model can be the cause.

    Args:
        fault: what the worker reported before; None if it reported nothing.
        exit_reason: how its process ended.
        uses_delegate: its model runs on an accelerator.
    """
    if fault is not None:
        return find_outside_fault(fault.kind, uses_delegate=uses_delegate)
    return "it was killed from outside" if exit_reason in _OUTSIDE_EXITS else None


def find_outside_fault(kind: str, *, uses_delegate: bool) -> str | None:
    """Return what outside the model explains a fault; None if the model can be the cause.

    Args:
        kind: a `WorkerFault`'s.
        uses_delegate: the model runs on an accelerator, which can be unplugged or in use.
    """
    match kind:
        case "delegate":
            return "the accelerator could not be used"
        case "invoke" if uses_delegate:
            return "the accelerator failed"
        case "internal":
            return "a camera, the disk or the host failed"
        case _:
            return None
