"""Decides when a trial begins and ends, and remembers a failure that could not be recorded yet."""

from dataclasses import dataclass

from edged.updates.bundle.manifest import Probation
from edged.updates.rules.baseline import Baseline
from edged.updates.rules.ledger import Deployment, EndCause
from edged.updates.rules.probation import CommitVerdict, ContinueVerdict, RollbackVerdict
from edged.updates.service.installed_versions import RunnableVersion
from edged.updates.service.repository import ModelRepository
from edged.updates.service.trial_monitor import TrialMonitor


@dataclass(frozen=True, slots=True)
class TrialFailure:
    """A trial that must end in a rollback.

    Attributes:
        deployment_id: ID of the deployment on trial.
        cause: cause of the rollback.
        reason: the cause in words, with details; None for the default words of the cause.
    """

    deployment_id: str
    cause: EndCause
    reason: str | None


class TrialController:
    """Controls the trial of the deployment in flight."""

    def __init__(self, repository: ModelRepository, monitor: TrialMonitor, *, boot_id: str) -> None:
        """Control no trial yet.

        Args:
            repository: has the deployment.
            monitor: gathers the evidence.
            boot_id: id of this boot of the host.
        """
        self._repository = repository
        self._monitor = monitor
        self._boot_id = boot_id
        self._failure: TrialFailure | None = None

    @property
    def deployment(self) -> Deployment | None:
        """The deployment on trial; None if none is."""
        deployment = self._repository.ledger.deployment
        return deployment if deployment and deployment.state == "trial" else None

    @property
    def failure(self) -> TrialFailure | None:
        """The failure of the present trial, until the rollback is recorded."""
        deployment = self.deployment
        if deployment and self._failure and self._failure.deployment_id == deployment.id:
            return self._failure
        return None

    def fail(self, cause: EndCause, reason: str | None) -> None:
        """Note that the present trial has failed; without one, do nothing."""
        if self.deployment and not self.failure:
            self._failure = TrialFailure(self.deployment.id, cause, reason)

    def follow(self, candidate: RunnableVersion | None) -> None:
        """Make the monitor watch the active candidate; None if the installed model is active."""
        deployment = self.deployment
        if candidate is None or deployment is None:
            self._monitor.end()
            return
        baseline = Baseline(
            fps=deployment.baseline_fps,
            frame_s=deployment.baseline_frame_s,
            memory_mb=deployment.baseline_memory_mb,
        )
        self._monitor.begin(candidate, baseline)

    def try_begin(self, probation: Probation) -> bool:
        """Record that the trial begins, if the baseline is measured; return whether it does.

        Raises:
            StoreError: the disk cannot be used.
        """
        if not self._monitor.can_begin(probation.min_baseline_s):
            return False
        self._repository.begin_trial(self._boot_id, self._monitor.baseline)
        return True

    def evaluate(self) -> CommitVerdict | TrialFailure | None:
        """Return how the present trial ends; None if it continues."""
        deployment = self.deployment
        if deployment is None or self.failure:
            return self.failure
        match self._monitor.evaluate():
            case CommitVerdict() as verdict:
                return verdict
            case RollbackVerdict(reason=reason, is_model_fault=is_model_fault):
                cause = EndCause.TRIAL_FAILED if is_model_fault else EndCause.TRIAL_INTERRUPTED
                return TrialFailure(deployment.id, cause, reason)
            case ContinueVerdict():
                return None
