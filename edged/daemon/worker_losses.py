"""What the daemon remembers of the workers that it has lost."""

from edged.daemon.vision_conditions import MODEL_FAULTS
from edged.messaging.contract.model import ModelFailure
from edged.vision.worker_loss import WorkerLoss


class WorkerLosses:
    """The losses since the daemon's start."""

    def __init__(self) -> None:
        """Begin without a loss."""
        self.count = 0
        self.last_reason: str | None = None
        self.model_failure: ModelFailure | None = None
        """The last loss to a fault of the model; None before there is one."""

    def record(self, loss: WorkerLoss, model_name: str, time: str) -> None:
        """Take note of a loss.

        Args:
            loss: the loss.
            model_name: name of the active model.
            time: the time of day, as in the messages.
        """
        self.count += 1
        self.last_reason = loss.reason
        fault = loss.fault
        if fault is not None and fault.kind in MODEL_FAULTS:
            self.model_failure = ModelFailure(name=model_name, time=time, reason=fault.reason)
