"""The deployment on trial, and a failure of it that could not be recorded yet."""

from dataclasses import dataclass

from edged.updates.rules.ledger import Deployment, EndCause
from edged.updates.service.repository import ModelRepository


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
    """Remembers how the trial of the deployment in flight failed, until that is recorded."""

    def __init__(self, repository: ModelRepository) -> None:
        """Remember no failure; `repository` has the deployment."""
        self._repository = repository
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
