"""The daemon's side of the operations (`edged.updates.service.operations`)."""

import logging

from edged.clock import NS_PER_S, Clock
from edged.errors import StoreError, UpdateError
from edged.logs import journal_fields
from edged.redaction import display_url
from edged.updates.rules.ledger import DeploymentRequest, EndCause, Ledger
from edged.updates.service.active_model_selector import ActiveModelSelector
from edged.updates.service.install_supervisor import InstallSupervisor
from edged.updates.service.intake import Intake
from edged.updates.service.operations import RuntimeStatus
from edged.updates.service.repository import ModelRepository
from edged.updates.service.store_availability import StoreAvailability
from edged.updates.service.trial_controller import TrialController
from edged.updates.service.trial_monitor import TrialMonitor

GC_RETRY_S = 300.0

_log = logging.getLogger(__name__)


class DaemonHost:
    """The `OperationHost` of the daemon.

    Args:
        repository: has the ledger.
        store: opens it.
        intake: gives a channel message again that was interrupted.
        installer: is stopped before a rollback.
        monitor: knows which model runs.
        trial: is ended by a rollback.
        selector: follows the ledger.
        clock: the clock of pauses.
    """

    def __init__(
        self,
        repository: ModelRepository,
        *,
        store: StoreAvailability,
        intake: Intake,
        installer: InstallSupervisor,
        monitor: TrialMonitor,
        trial: TrialController,
        selector: ActiveModelSelector,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._store = store
        self._intake = intake
        self._installer = installer
        self._monitor = monitor
        self._trial = trial
        self._selector = selector
        self._clock = clock
        self._gc_due_ns: int | None = None
        """When garbage is to be collected; None if there is none."""

    def open_store(self) -> bool:
        """Open the store, and follow its ledger; return whether that succeeded."""
        before = self._repository.ledger
        if not self._store.open():
            return False
        self._gc_due_ns = 0
        self.follow_ledger(before)
        return True

    def own_store(self) -> None:
        """Open the store if it is closed, and stop an installer that reads a channel message, which is read again later.

        Raises:
            StoreError: the store cannot be opened.
        """
        if not self._store.is_open:
            self.open_store()
        self.check_store()
        if self._installer.is_reading_channel:
            self._intake.retry_message()
            self._stop_installer()

    def check_store(self) -> None:
        """Check that the store is open.

        Raises:
            StoreError: it is not.
        """
        if not self._store.is_open:
            raise StoreError(
                "the model store cannot be used: the condition `update` in up/health has the reason"
            )

    def continue_deployment(self, id_: str, request: DeploymentRequest) -> None:
        """Make the next tick start an installer for a new deployment."""
        self._installer.reset_pause()
        _log.info(
            "update %s: %s", id_, display_url(request.source), extra=journal_fields(deployment=id_)
        )

    def interrupt(self, cause: EndCause, reason: str | None) -> None:
        """Stop the installer, or the trial, of the deployment in flight.

        Raises:
            StoreError: the store cannot be read.
        """
        self._trial.fail(cause, reason)
        if self._installer.is_running:
            self._stop_installer()

    def check_idle(self) -> None:
        """Check that no installer runs.

        Raises:
            UpdateError: one does.
        """
        if self._installer.is_running:
            raise UpdateError("a bundle is being installed: try again when that has ended")

    def follow_ledger(self, before: Ledger) -> None:
        """Select the active model by the present ledger, and report a deployment that has ended since `before`."""
        ledger = self._repository.ledger
        self._intake.follow_ledger(ledger)
        record = ledger.past[-1] if ledger.past[-1:] != before.past[-1:] else None
        if record and record.outcome == "committed":
            self._selector.readmit(record.digest)
        self._selector.apply()
        if record is None:
            return
        self._gc_due_ns = 0
        self._intake.remove_bundle(record.source)
        _log.log(
            logging.INFO if record.outcome == "committed" else logging.WARNING,
            "update %s: %s %s%s",
            *(record.id, record.title or record.source, record.outcome),
            f": {record.reason}" if record.reason else "",
            extra=journal_fields(deployment=record.id, outcome=record.outcome),
        )

    def runtime_status(self) -> RuntimeStatus:
        """Return what only a running daemon knows."""
        is_trial = self._trial.deployment is not None
        source = self._monitor if is_trial else self._installer
        return RuntimeStatus(
            is_daemon_running=True,
            active_model_name=self._monitor.active_model_name,
            progress=source.progress,
            suspended_reason=self._monitor.suspended_reason if is_trial else None,
        )

    def collect_due_garbage(self) -> None:
        """Collect garbage if there is some, and the pause after a failed attempt is over.

        Raises:
            StoreError: the disk cannot be used.
        """
        now_ns = self._clock.monotonic_ns()
        if self._gc_due_ns is not None and now_ns >= self._gc_due_ns:
            self._gc_due_ns = now_ns + int(GC_RETRY_S * NS_PER_S)
            self._repository.collect_garbage()
            self._gc_due_ns = None

    def _stop_installer(self) -> None:
        """Stop the installer, and read what it recorded in the ledger."""
        self._installer.stop()
        self._repository.open()
