"""The steps of model updates that use the disk, in the daemon.

Each step is one call in the thread of the store's disk, and returns the state after it as a frozen value. The supervisor's thread decides
which step is due (`edged.updates.service.service`), and acts only on the result, so what it acts on is durable. One step is done at a time.
A disk that fails closes the store; no step raises because of it.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from edged.config.settings import Settings
from edged.errors import StoreError, UpdateError
from edged.updates.rules.baseline import BaselineMeasurement
from edged.updates.rules.ledger import DeploymentRequest, EndCause
from edged.updates.rules.probation import CommitVerdict, RollbackVerdict
from edged.updates.service.active_model_selector import ActiveModelSelector
from edged.updates.service.control_messages import (
    ControlRequest,
    ControlResponse,
    InstallRequest,
)
from edged.updates.service.daemon_host import DaemonHost
from edged.updates.service.drop_folder import DropFolder
from edged.updates.service.local_file import check_local_file
from edged.updates.service.operations import ModelOperations
from edged.updates.service.repository import ModelRepository
from edged.updates.service.store_availability import StoreAvailability
from edged.updates.service.store_state import StoreState
from edged.updates.service.trial_controller import TrialController
from edged.updates.store.lock import StoreLock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """The outcome of a control request.

    Attributes:
        state: the state of the store after it.
        response: the response, with a status that only a running daemon can complete.
    """

    state: StoreState
    response: ControlResponse


class StoreSteps:
    """The steps; call `start` first.

    Args:
        repository: the ledger and versions of the store.
        lock: the lock of the store.
        drop_folder: the folder in which bundles appear.
        boot_id: id of this boot of the host.
    """

    def __init__(
        self,
        repository: ModelRepository,
        *,
        lock: StoreLock,
        drop_folder: DropFolder,
        boot_id: str,
    ) -> None:
        self._repository = repository
        self._boot_id = boot_id
        self._drop_folder = drop_folder
        self._store = StoreAvailability(repository, lock=lock, boot_id=boot_id)
        self._trial = TrialController(repository)
        self._selector = ActiveModelSelector(repository, store=self._store, trial=self._trial)
        self._host = DaemonHost(
            repository,
            store=self._store,
            trial=self._trial,
            selector=self._selector,
            drop_folder=drop_folder,
        )
        self._operations = ModelOperations(repository, self._host)

    def start(self) -> StoreState:
        """Open the store, record this start of the daemon, and select the active model."""
        if not self._host.open_store():
            self._host.ledger_error = self._repository.load_read_only()
            self._selector.apply()
        return self._make_state()

    def open(self) -> StoreState:
        """Open the store again after a failure."""
        self._host.open_store()
        return self._make_state()

    def apply_settings(self, settings: Settings) -> StoreState:
        """Use another configuration, and forget which versions could not run: the cause may be repaired."""
        self._repository.apply_settings(settings)
        self._selector.reset()
        self._selector.apply()
        return self._make_state()

    def exclude(self, digest: str, reason: str) -> StoreState:
        """Select the next best version, because the active one failed at work; the factory model is never excluded."""
        self._selector.exclude(digest, reason)
        return self._make_state()

    def execute(self, request: ControlRequest, *, is_installing: bool) -> RequestOutcome:
        """Carry out a request of an operator; `is_installing` says that an installer runs, which no other step may coincide with."""
        self._host.is_installing = is_installing
        try:
            if isinstance(request, InstallRequest):
                check_local_file(request.request.source)
            response = self._operations.execute(request)
        except UpdateError as refusal:
            response = ControlResponse(status=self._operations.status(), error=str(refusal))
        self._host.is_installing = False
        return RequestOutcome(self._make_state(), response)

    def take_dropped_bundle(self) -> StoreState:
        """Begin the deployment of the next bundle in the drop folder, if there is one."""
        bundle = self._drop_folder.take_next_bundle()
        if bundle is not None:
            self._install_dropped(bundle)
        return self._make_state()

    def follow_installer(self, error: str) -> StoreState:
        """Read what an installer recorded before it ended; `error` is what it could not record of the deployment in flight, or empty."""
        before = self._repository.ledger
        try:
            self._repository.open()
            if error and self._repository.ledger.deployment:
                self._repository.block(error)
        except StoreError as failure:
            self._store.close(failure)
        else:
            self._host.follow_ledger(before)
        return self._make_state()

    def begin_trial(self, measurement: BaselineMeasurement) -> StoreState:
        """Record that the trial of a self-tested version begins, if the baseline is measured for long enough."""
        deployment = self._repository.ledger.deployment
        if deployment is not None and deployment.state == "self-tested":
            probation = self._selector.load_probation(deployment.digest)
            if measurement.is_sufficient(probation.min_baseline_s):
                self._record_trial(measurement)
        return self._make_state()

    def end_trial(
        self, deployment_id: str, verdict: CommitVerdict | RollbackVerdict | None
    ) -> StoreState:
        """Record how a trial ends, unless it has ended already.

        Args:
            deployment_id: id of the deployment on trial.
            verdict: the verdict on it; None to record a failure that could not be recorded before.
        """
        deployment = self._trial.deployment
        if deployment is None or deployment.id != deployment_id:
            return self._make_state()
        if isinstance(verdict, RollbackVerdict):
            is_fault = verdict.is_model_fault
            cause = EndCause.TRIAL_FAILED if is_fault else EndCause.TRIAL_INTERRUPTED
            self._trial.fail(cause, verdict.reason)
        try:
            if failure := self._trial.failure:
                self._operations.roll_back(failure.cause, failure.reason)
            elif isinstance(verdict, CommitVerdict):
                self._operations.commit(verdict.flag_reason)
        except StoreError as error:
            self._store.close(error)
        return self._make_state()

    def collect_garbage(self) -> StoreState:
        """Remove what the ledger does not need."""
        try:
            self._repository.collect_garbage()
            self._host.has_garbage = False
        except StoreError as error:
            self._store.close(error)
        return self._make_state()

    def record_proper_stop(self) -> None:
        """Record that the daemon stops properly, unless the store cannot be used."""
        if not self._store.is_open:
            return
        try:
            self._repository.mark_clean_shutdown()
        except StoreError as error:
            _log.warning("the proper stop of the daemon is not recorded: %s", error)

    def _install_dropped(self, bundle: Path) -> None:
        request = DeploymentRequest(source=str(bundle), requested_by="drop-folder")
        try:
            self._operations.install(request)
        except StoreError as error:
            self._drop_folder.give_again(bundle)
            self._store.close(error)
        except UpdateError as error:
            _log.warning("not installed from the drop folder: %s", error)

    def _record_trial(self, measurement: BaselineMeasurement) -> None:
        try:
            self._repository.begin_trial(self._boot_id, measurement.baseline)
        except StoreError as error:
            self._store.close(error)
        else:
            self._selector.apply()

    def _make_state(self) -> StoreState:
        selection = self._selector.selection
        return StoreState(
            settings=self._repository.settings,
            ledger=self._repository.ledger,
            versions=self._repository.list_versions(),
            installed=selection.installed,
            candidate=selection.candidate,
            is_trial_over=self._trial.failure is not None,
            store_problem=self._store.problem,
            fallback_reason=self._host.ledger_error or selection.fallback_reason,
            folder_problem=self._drop_folder.problem,
            is_folder_settling=self._drop_folder.is_settling,
            has_garbage=self._host.has_garbage,
        )
