"""The interface of what follows the models in use."""

from typing import Protocol

from edged.vision.messages import ModelReady, Observation, PlanDeclined
from edged.vision.trial_messages import CandidateFailure, ShadowComparison
from edged.vision.worker_loss import WorkerLoss


class VisionListener(Protocol):
    """Gets what the workers report of their models: `edged.updates.service.trial_monitor.TrialMonitor`."""

    def on_ready(self, ready: ModelReady) -> None:
        """Note that a worker runs the model of this plan from here on."""

    def on_observation(self, observation: Observation) -> None:
        """Note that a frame was inferred."""

    def on_plan_message(self, message: PlanDeclined | CandidateFailure | ShadowComparison) -> None:
        """Note what a worker reports of the newest plan."""

    def on_worker_lost(self, loss: WorkerLoss) -> None:
        """Note that a worker ended."""
