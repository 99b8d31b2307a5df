"""Runs model updates in the daemon: composes the parts of this folder, and decides what is done next.

The supervisor's thread calls every method. An installer process (`edged.updates.installer.main`) fetches, verifies and self-tests a
bundle, so that neither the network, nor a hostile file, nor cryptography enters this process. From the trial on, this process decides.
Nothing here stops inference: when the disk fails, the active model continues, and updates wait.
"""

import logging

from edged.clock import Clock
from edged.config.settings import Settings
from edged.errors import StoreError, UpdateError, WorkerError
from edged.health import ConditionKind, ConditionReporter, Conditions
from edged.interfaces import MessageReceived
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.rules.ledger import DeploymentRequest
from edged.updates.rules.probation import CommitVerdict
from edged.updates.service.active_model_selector import ActiveModelSelector
from edged.updates.service.control_messages import ControlRequest, ControlResponse, ModelStatus
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.daemon_host import DaemonHost
from edged.updates.service.drop_folder import DropFolder
from edged.updates.service.install_supervisor import InstallSupervisor, StartInstaller
from edged.updates.service.intake import Intake
from edged.updates.service.operations import ModelOperations
from edged.updates.service.repository import ModelRepository
from edged.updates.service.status_payload import ModelStatusReport, StateTimer
from edged.updates.service.store_availability import StoreAvailability
from edged.updates.service.system_sample import SystemSample
from edged.updates.service.trial_controller import TrialController, TrialFailure
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.store.lock import StoreLock
from edged.vision.active_model import ActiveModel

_log = logging.getLogger(__name__)


class UpdateService:
    """Model updates while the daemon runs. Call `start` once before anything else.

    Args:
        repository: the ledger and versions of the store.
        lock: the lock of the store.
        trial_monitor: watches the models at work.
        drop_folder: the folder in which bundles appear.
        boot_id: id of this boot of the host.
        conditions: the active conditions of the device.
        clock: the clock of times and pauses.
        start_installer: starts an installer process.
    """

    def __init__(
        self,
        repository: ModelRepository,
        *,
        lock: StoreLock,
        trial_monitor: TrialMonitor,
        drop_folder: DropFolder,
        boot_id: str,
        conditions: Conditions,
        clock: Clock,
        start_installer: StartInstaller,
    ) -> None:
        self._repository = repository
        self._monitor = trial_monitor
        self._conditions = reporter = ConditionReporter(conditions, clock)
        self._store = StoreAvailability(
            repository, lock=lock, boot_id=boot_id, conditions=reporter, clock=clock
        )
        self._intake = Intake(drop_folder, clock)
        self._installer = InstallSupervisor(start_installer, clock)
        self._trial = TrialController(repository, trial_monitor, boot_id=boot_id)
        self._selector = ActiveModelSelector(
            repository, store=self._store, trial=self._trial, conditions=reporter
        )
        self._host = DaemonHost(
            repository,
            store=self._store,
            intake=self._intake,
            installer=self._installer,
            monitor=trial_monitor,
            trial=self._trial,
            selector=self._selector,
            clock=clock,
        )
        self._operations = ModelOperations(repository, self._host)
        self._state_timer = StateTimer(clock)

    def start(self) -> None:
        """Open the store, record this start of the daemon, and select the active model."""
        if not self._host.open_store():
            self._selector.apply(ledger_error=self._repository.load_read_only())

    @property
    def active_model(self) -> ActiveModel:
        """The model that the workers are to run."""
        return self._selector.model

    @property
    def active_digest(self) -> str:
        """The digest of the active version; `FACTORY` for the factory model or one configured by ``model.path``."""
        return self._selector.active_digest

    def apply_settings(self, settings: Settings) -> ActiveModel:
        """Use another configuration, and return the active model."""
        self._repository.apply_settings(settings)
        self._selector.reset()
        self._selector.apply()
        return self.active_model

    def process_message(
        self, item: MessageReceived | PendingControlRequest | InstallProgress | InstallFinished
    ) -> None:
        """Process an item of the inbox that concerns updates."""
        match item:
            case MessageReceived(payload=payload):
                self._intake.receive(payload)
            case PendingControlRequest(request=request, reply=reply):
                reply(self.execute(request))
            case InstallProgress():
                self._installer.record_progress(item.fraction)
            case InstallFinished(error=error):
                if self._installer.is_running:  # not one that was killed meanwhile
                    self._finish_install(error)

    def execute(self, control_request: ControlRequest) -> ControlResponse:
        """Carry out a request of the control socket."""
        return self._operations.execute(control_request)

    def status(self) -> ModelStatus:
        """Return the status of the models."""
        return self._operations.status()

    def build_status_report(self) -> ModelStatusReport:
        """Return the status for `up/model`."""
        return ModelStatusReport(
            status=self.status(),
            installed_digest=self._selector.installed_digest,
            state_since_ns=self._state_timer.since_ns,
            channel=self._intake.channel_state(self._repository.settings.updates),
        )

    def tick(self, sample: SystemSample) -> ActiveModel:
        """Do what is due, and return the active model."""
        if self._store.is_retry_due:
            self._host.open_store()
        silence = self._intake.find_channel_silence(self._repository.settings.updates)
        self._conditions.set(ConditionKind.CHANNEL_STALE, silence)
        failure = self._monitor.add_sample(sample)
        if failure and self._trial.deployment is None:
            self._selector.exclude_active(failure)
        timeout = self._installer.kill_if_hung()
        if timeout:
            self._finish_install(timeout)
        if self._store.is_open and not self._installer.is_running:
            self._advance(sample)
        self._state_timer.update(self._repository.ledger.deployment)
        return self.active_model

    def stop(self) -> None:
        """Stop the installer, and record that the daemon stops properly."""
        self._installer.stop()
        try:
            self._repository.mark_clean_shutdown()
        except StoreError as error:
            _log.warning("the proper stop of the daemon is not recorded: %s", error)

    def _advance(self, sample: SystemSample) -> None:
        """Take the next step of the deployment in flight, or begin a new one."""
        deployment = self._repository.ledger.deployment
        try:
            if deployment is None:
                self._begin_next()
            elif deployment.state == "trial":
                self._evaluate_trial()
            elif deployment.state == "self-tested":
                self._begin_trial(deployment.digest, sample)
            elif self._installer.is_due:
                self._start_install()
            self._host.collect_due_garbage()
        except StoreError as error:
            self._store.close(error)

    def _begin_next(self) -> None:
        if self._repository.configured_path or self._repository.settings.updates.trust is None:
            return
        match self._intake.take_next():
            case bytes() as message:
                self._start_install(message)
            case DeploymentRequest() as request:
                self._install_dropped(request)
            case None:
                pass
        self._conditions.set(ConditionKind.DROP_FOLDER, self._intake.folder_problem)

    def _install_dropped(self, request: DeploymentRequest) -> None:
        try:
            self._operations.install(request)
        except StoreError:
            raise
        except UpdateError as error:  # the file was removed meanwhile, for example
            _log.warning("not installed from the drop folder: %s", error)

    def _start_install(self, desired_envelope: bytes = b"") -> None:
        try:
            self._installer.start(self._repository.settings, desired_envelope)
        except WorkerError as error:
            self._finish_install(str(error))

    def _finish_install(self, error: str) -> None:
        """Read what the installer recorded in the ledger; `error` is what it could not record there."""
        was_reading_channel = self._installer.record_end()
        before = self._repository.ledger
        try:
            self._repository.open()
            if was_reading_channel:
                problem = self._intake.finish_message(error)
                self._conditions.set(ConditionKind.CHANNEL, problem)
            elif error and self._repository.ledger.deployment:
                self._repository.block(error)
        except StoreError as failure:
            self._store.close(failure)
            return
        self._host.follow_ledger(before)
        self._schedule_next_attempt()

    def _schedule_next_attempt(self) -> None:
        deployment = self._repository.ledger.deployment
        if deployment is None or not deployment.blocked_reason:
            self._installer.reset_pause()
            self._conditions.set(ConditionKind.UPDATE, None)
            return
        pause_s = self._installer.pause()
        reason = f"{deployment.blocked_reason}; the next attempt is in {pause_s:.0f} s"
        self._conditions.set(ConditionKind.UPDATE, reason)

    def _begin_trial(self, digest: str, sample: SystemSample) -> None:
        if self._repository.configured_path or sample.throttled or sample.obstacle:
            return
        if self._trial.try_begin(self._selector.load_probation(digest)):
            self._selector.apply()

    def _evaluate_trial(self) -> None:
        match self._trial.evaluate():
            case CommitVerdict(flag_reason=flag_reason):
                self._operations.commit(flag_reason)
            case TrialFailure(cause=cause, reason=reason):
                self._operations.roll_back(cause, reason)
            case None:
                pass
