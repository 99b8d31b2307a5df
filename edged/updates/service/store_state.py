"""What the daemon knows of its model store: the result of every step that uses the disk."""

from dataclasses import dataclass

from edged.config.settings import Settings
from edged.updates.rules.ledger import Deployment, Ledger
from edged.updates.service.control_messages import VersionStatus
from edged.updates.service.installed_versions import RunnableVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """The state of the model store after a step; what is in the ledger is durable.

    Attributes:
        settings: the configuration by which the versions were selected.
        ledger: the ledger, as it was last read or written.
        versions: the versions on this device, the committed one first and the factory model last.
        installed: the version that is active whenever none is on trial.
        candidate: the version on trial with its shadow; None if none is on trial, or if it cannot run.
        is_trial_over: the trial in the ledger has failed, and its end is not recorded yet.
        store_problem: why the store cannot be used, in words; None if it can.
        fallback_reason: why `installed` is not the committed version, in words; None if it is.
        folder_problem: what in the drop folder cannot be installed, and why; None if everything can.
        is_folder_settling: a bundle in the drop folder was new or had changed: another look soon decides.
        has_garbage: a deployment has ended, or the store was opened, since garbage was collected.
    """

    settings: Settings
    ledger: Ledger
    versions: tuple[VersionStatus, ...]
    installed: RunnableVersion
    candidate: RunnableVersion | None
    is_trial_over: bool
    store_problem: str | None
    fallback_reason: str | None
    folder_problem: str | None
    is_folder_settling: bool
    has_garbage: bool

    @property
    def is_open(self) -> bool:
        """True if the store can be used."""
        return self.store_problem is None

    @property
    def deployment(self) -> Deployment | None:
        """The deployment in flight."""
        return self.ledger.deployment

    @property
    def trial(self) -> Deployment | None:
        """The deployment on trial; None if none is."""
        deployment = self.deployment
        return deployment if deployment and deployment.state == "trial" else None

    @property
    def is_trial_due(self) -> bool:
        """True if a version waits for its trial, which begins when the performance of the installed one is measured."""
        deployment = self.deployment
        is_waiting = deployment is not None and deployment.state == "self-tested"
        return is_waiting and self.settings.model.path is None

    @property
    def active(self) -> RunnableVersion:
        """The version that the workers are to run."""
        return self.candidate or self.installed

    @property
    def allows_updates(self) -> bool:
        """True unless the configuration names a model, or no trust file."""
        return self.settings.model.path is None and self.settings.updates.trust is not None
