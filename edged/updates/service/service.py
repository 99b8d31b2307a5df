"""Runs model updates in the daemon: decides what is done next, in the supervisor's thread, which calls every method.

Nothing here waits for a disk. Each step that uses one (`edged.updates.service.store_steps`) is done in the thread of the store's disk, one
at a time, and this thread acts on its result alone: what it starts or reports is durable. There is one exception: a model that has failed its
trial stops at once, because every way out of a trial but a commit leads back to the installed model anyway.

An installer process (`edged.updates.installer.main`) fetches, verifies and self-tests a bundle, so that neither the network, nor a hostile
file, nor cryptography enters this process. It never writes at the same time as a step. From the trial on, this process decides.
"""

import logging
from collections.abc import Callable, Sequence

from edged.clock import NS_PER_S, Clock
from edged.config.settings import Settings
from edged.disk_thread import DiskQueue
from edged.health import Conditions
from edged.interfaces import MessageReceived
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.rules.ledger import FACTORY
from edged.updates.service.control_messages import ModelStatus
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.install_supervisor import InstallSupervisor, StartInstaller
from edged.updates.service.live_status import LiveStatus
from edged.updates.service.status_payload import ModelStatusReport
from edged.updates.service.step_queue import StepQueue
from edged.updates.service.step_scheduler import StepScheduler
from edged.updates.service.store_state import StoreState
from edged.updates.service.store_steps import StoreSteps
from edged.updates.service.system_sample import SystemSample
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.service.trial_supervisor import TrialSupervisor
from edged.updates.service.update_channel import UpdateChannel
from edged.updates.service.update_conditions import UpdateConditions
from edged.vision.active_model import ActiveModel

_log = logging.getLogger(__name__)

MAX_START_WAIT_S = 10.0
"""A daemon whose store does not answer for so long is ready all the same, without workers, and reports why."""

OnModel = Callable[[ActiveModel], object]


class UpdateService:
    """Model updates while the daemon runs. Call `start` once before anything else.

    Args:
        steps: the steps that use the disk.
        disk: the queue in which the steps are done.
        other_disks: the further queues of the daemon; a disk that does not answer suspends a trial.
        settings: the configuration.
        trial_monitor: watches the models at work.
        conditions: the active conditions of the device.
        clock: the clock of times and pauses.
        start_installer: starts an installer process.
    """

    def __init__(
        self,
        steps: StoreSteps,
        *,
        disk: DiskQueue,
        other_disks: Sequence[DiskQueue] = (),
        settings: Settings,
        trial_monitor: TrialMonitor,
        conditions: Conditions,
        clock: Clock,
        start_installer: StartInstaller,
    ) -> None:
        self._steps = steps
        self._queue = StepQueue(disk, other_disks)
        self._monitor = trial_monitor
        self._clock = clock
        self._conditions = UpdateConditions(conditions, clock)
        self._channel = UpdateChannel(clock)
        self._installer = InstallSupervisor(start_installer, self._channel, clock)
        self._trial = TrialSupervisor(trial_monitor)
        self._status = LiveStatus(
            queue=self._queue,
            monitor=trial_monitor,
            installer=self._installer,
            channel=self._channel,
            clock=clock,
        )
        self._scheduler = StepScheduler(
            steps,
            self._queue,
            installer=self._installer,
            channel=self._channel,
            trial=self._trial,
            monitor=trial_monitor,
            status=self._status,
            clock=clock,
            follower=self,
        )
        self._started_ns = clock.monotonic_ns()
        self._state: StoreState | None = None
        self._model = ActiveModel(settings=settings.model)
        self._is_model_announced = False
        self._on_model: OnModel = lambda _: None

    def start(self, on_model: OnModel) -> None:
        """Read the store, record this start of the daemon, and select the active model.

        Args:
            on_model: called with the active model when it is known, and with each later one: the workers are to run it.
        """
        self._on_model = on_model
        self._scheduler.start()

    @property
    def is_model_known(self) -> bool:
        """True once the store was read: before that, no worker must run."""
        return self._state is not None

    @property
    def is_store_silent(self) -> bool:
        """True if the store should have been read long ago: the daemon is ready without workers."""
        waited_ns = self._clock.monotonic_ns() - self._started_ns
        return self._state is None and waited_ns > MAX_START_WAIT_S * NS_PER_S

    @property
    def active_model(self) -> ActiveModel:
        """The model that the workers are to run; the factory model while that is not known."""
        return self._model

    @property
    def active_digest(self) -> str:
        """The digest of the active version; `FACTORY` for the factory model or one configured by ``model.path``."""
        return self._trial.select_active(self._state).digest if self._state else FACTORY

    def apply_settings(self, settings: Settings, on_applied: OnModel) -> None:
        """Use another configuration.

        Args:
            settings: the configuration; it replaces one that is not in use yet.
            on_applied: called with the active model once the configuration is in use.
        """

        def apply(state: StoreState) -> None:
            self._model = self._trial.select_active(state).model
            on_applied(self._model)

        self._scheduler.apply_settings(settings, apply)

    def process_message(
        self, item: MessageReceived | PendingControlRequest | InstallProgress | InstallFinished
    ) -> None:
        """Process an item of the inbox that concerns updates."""
        match item:
            case MessageReceived(payload=payload):
                self._channel.receive(payload)
            case PendingControlRequest():
                self._scheduler.receive_request(item)
            case InstallProgress():
                self._installer.record_progress(item.fraction)
            case InstallFinished(error=error):
                self._installer.record_end(error)
                self._scheduler.proceed()

    def install_offered(self) -> str | None:
        """Install the version that the update channel offers, as soon as nothing else uses the store; return why that cannot be."""
        state = self._state
        if state is None or not state.settings.updates.channel:
            return "the device follows no update channel: set updates.channel"
        if not state.allows_updates:
            return "updates are not possible: set updates.trust, and do not set model.path"
        return self._channel.request_install()

    def status(self) -> ModelStatus:
        """Return the status of the models."""
        return self._status.status()

    def build_status_report(self) -> ModelStatusReport | None:
        """Return the status for `up/model`; None until the store was read."""
        return self._status.build_report()

    def tick(self, sample: SystemSample) -> None:
        """Do what is due."""
        silent_s, state = self._queue.silent_s, self._state
        failure = self._monitor.add_sample(sample, disk_silent_s=silent_s)
        self._installer.kill_if_hung(is_disk_silent=silent_s > 0)
        if state is not None:
            self._judge(state, failure)
        elif self.is_store_silent:
            self._conditions.report_waiting()
        self._scheduler.advance(sample)

    def begin_stop(self) -> None:
        """Stop the installer, and begin to record that the daemon stops properly; nothing else is done from now on."""
        self._installer.stop()
        self._queue.stop(self._steps.record_proper_stop)

    def finish_stop(self, timeout_s: float) -> None:
        """Wait `timeout_s` seconds at most until that is recorded; if it is not, the next start counts it as a crash in a trial."""
        if not self._queue.join(timeout_s):
            _log.warning("the proper stop is not recorded: the model store's disk does not answer")

    def follow_state(self, state: StoreState) -> None:
        """Note and report the state of the store after a step."""
        self._state = state
        self._channel.follow_ledger(state.ledger)
        self._status.follow_state(state)
        self._conditions.follow_state(
            state,
            blocked_reason=self._installer.blocked_reason,
            channel_problem=self._channel.problem,
        )

    def select_model(self, state: StoreState) -> None:
        """Make the workers run the active model."""
        model = self._trial.select_active(state).model
        if model != self._model or not self._is_model_announced:
            self._is_model_announced = True
            self._model = model
            self._on_model(model)

    def _judge(self, state: StoreState, failure: str | None) -> None:
        """Judge the channel, the trial, and the installed model; `failure` says why that failed."""
        self._conditions.follow_channel_silence(self._channel.find_silence(state.settings.updates))
        if failure and state.trial is None and self.active_digest != FACTORY:
            self._scheduler.exclude(self.active_digest, failure)
        self._trial.judge(state, can_record=state.is_open and self._scheduler.is_idle)
        self.select_model(state)
