"""The daemon's side of the operations (`edged.updates.service.operations`), in the thread of the store's disk."""

import logging

from edged.errors import StoreError, UpdateError
from edged.logs import journal_fields
from edged.redaction import display_url
from edged.updates.rules.ledger import DeploymentRequest, EndCause, Ledger
from edged.updates.service.active_model_selector import ActiveModelSelector
from edged.updates.service.drop_folder import DropFolder
from edged.updates.service.operations import STORE_CLOSED, RuntimeStatus
from edged.updates.service.repository import ModelRepository
from edged.updates.service.store_availability import StoreAvailability
from edged.updates.service.trial_controller import TrialController

_log = logging.getLogger(__name__)


class DaemonHost:
    """The `OperationHost` of the daemon.

    Args:
        repository: has the ledger.
        store: opens it.
        trial: is ended by a rollback.
        selector: follows the ledger.
        drop_folder: loses the bundle of a deployment that has ended.
    """

    def __init__(
        self,
        repository: ModelRepository,
        *,
        store: StoreAvailability,
        trial: TrialController,
        selector: ActiveModelSelector,
        drop_folder: DropFolder,
    ) -> None:
        self._repository = repository
        self._store = store
        self._trial = trial
        self._selector = selector
        self._drop_folder = drop_folder
        self.is_installing = False
        """True while an installer runs: it alone may write to the store then."""
        self.has_garbage = False
        """True if a deployment has ended, or the store was opened, since garbage was collected."""
        self.ledger_error: str | None = None
        """Why the ledger could not be read at the start; None if it was, or could be since."""

    def open_store(self) -> bool:
        """Open the store, and follow its ledger; return whether that succeeded."""
        before = self._repository.ledger
        if not self._store.open():
            return False
        self.has_garbage = True
        self.ledger_error = None
        self.follow_ledger(before)
        return True

    def own_store(self) -> None:
        """Open the store if it is closed.

        Raises:
            StoreError: it cannot be opened.
        """
        if not self._store.is_open:
            self.open_store()
        self.check_store()

    def check_store(self) -> None:
        """Check that the store is open.

        Raises:
            StoreError: it is not.
        """
        if not self._store.is_open:
            raise StoreError(STORE_CLOSED)

    def continue_deployment(self, id_: str, request: DeploymentRequest) -> None:
        """Do nothing but log: the supervisor's thread starts an installer for a new deployment."""
        _log.info(
            "update %s: %s", id_, display_url(request.source), extra=journal_fields(deployment=id_)
        )

    def interrupt(self, cause: EndCause, reason: str | None) -> None:
        """Note that the trial of the deployment in flight has failed; the supervisor's thread has stopped its installer."""
        self._trial.fail(cause, reason)

    def check_idle(self) -> None:
        """Check that no installer runs.

        Raises:
            UpdateError: one does.
        """
        if self.is_installing:
            raise UpdateError("a bundle is being installed: try again when that has ended")

    def follow_ledger(self, before: Ledger) -> None:
        """Select the active model by the present ledger, and report a deployment that has ended since `before`."""
        ledger = self._repository.ledger
        record = ledger.past[-1] if ledger.past[-1:] != before.past[-1:] else None
        if record and record.outcome == "committed":
            self._selector.readmit(record.digest)
        self._selector.apply()
        if record is None:
            return
        self.has_garbage = True
        self._drop_folder.remove_bundle(record.source)
        _log.log(
            logging.INFO if record.outcome == "committed" else logging.WARNING,
            "update %s: %s %s%s",
            *(record.id, record.title or record.source, record.outcome),
            f": {record.reason}" if record.reason else "",
            extra=journal_fields(deployment=record.id, outcome=record.outcome),
        )

    def runtime_status(self) -> RuntimeStatus:
        """Return that a daemon runs; the supervisor's thread adds what it knows."""
        return RuntimeStatus(is_daemon_running=True)
