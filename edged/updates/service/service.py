"""Carries out model updates while the daemon runs: what comes next, and when; what is allowed, `edged.ota` says.

One thread, the supervisor's, calls every method. A bundle is fetched, verified and tried out by a child (`edged.updates.installer.main`), so
that neither the network, nor a hostile file, nor cryptography comes into this process; from the trial on it is this one that decides.
Nothing here stops inference: when the disk fails, the model that looks goes on, and updates wait.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock
from edged.config.settings import Settings
from edged.errors import StoreError, UpdateError, WorkerError
from edged.health import ConditionKind, Conditions
from edged.interfaces import MessageReceived
from edged.logs import journal_fields
from edged.updates.bundle.manifest import Probation
from edged.updates.bundle.urls import redact_url
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.rules.ledger import FACTORY, DeploymentRequest
from edged.updates.rules.probation import Baseline, CommitVerdict, ContinueVerdict, RollbackVerdict
from edged.updates.service.channel import UpdateChannel
from edged.updates.service.control_messages import (
    CollectGarbageRequest,
    CommitRequest,
    ControlRequest,
    ControlResponse,
    InstallRequest,
    ModelStatus,
    RollbackRequest,
    StatusRequest,
)
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.drop_folder import DropFolder
from edged.updates.service.fallback_order import FallbackOrder
from edged.updates.service.repository import ModelRepository
from edged.updates.service.status_payload import ModelStatusReport
from edged.updates.service.trial_monitor import SystemSample, TrialMonitor
from edged.updates.store.lock import StoreLock
from edged.vision.active_model import ActiveModel

_log = logging.getLogger(__name__)

MIN_RETRY_S = 1.0
INITIAL_RETRY_S = 2.0
MAX_RETRY_S = 300.0
MAX_INSTALLER_SILENCE_S = 180.0
"""An installer that says nothing for so long hangs: neither a server, nor the self-test of two variants takes that long."""
_STORE_RETRY_S = 5.0
_DROP_FOLDER_POLL_S = 2.0


class RunningInstaller(Protocol):
    """A child that brings a bundle in; `edged.updates.installer.process.InstallerProcess` is the real one."""

    def kill(self) -> None:
        """End it now, and wait until it has ended."""


StartInstaller = Callable[[Settings, bytes], RunningInstaller]
"""Starts one; it is given the configuration, and what the channel said, or b"" to go on with the deployment in flight. Its end comes by `UpdateService.take`."""


@dataclass(frozen=True, slots=True)
class _PendingRollback:
    """The trial is over; `deny`: the model is to blame."""

    reason: str
    deny: bool


class UpdateService:
    """See the module."""

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
        """Read the store, and count this start.

        Args:
            repository: of the store.
            lock: of the store; held from now on.
            trial_monitor: judges the model on trial.
            drop_folder: the folder in which bundles appear.
            boot_id: id of this boot of the host.
            conditions: told of what is wrong.
            clock: for pauses.
            start_installer: starts the child.
        """
        self._repository = repository
        self._lock = lock
        self._trial_monitor = trial_monitor
        self._drop_folder = drop_folder
        self._boot_id = boot_id
        self._conditions = conditions
        self._clock = clock
        self._start_installer = start_installer
        self._running_installer: RunningInstaller | None = None
        self._last_progress_ns = 0
        """When it was started, or last said something."""
        self._installer_progress = 0.0
        self._backoff = Backoff(initial_s=INITIAL_RETRY_S, max_s=MAX_RETRY_S)
        self._resume_due_ns = 0
        """When the deployment in flight goes on."""
        self._drop_folder_due_ns = 0
        self._gc_due_ns: int | None = None
        """When the store is to be tidied; None if it is tidy."""
        self._store_retry_due_ns: int | None = None
        """When the store is to be opened again; None if it is open."""
        self._channel = UpdateChannel(clock)
        self._is_reading_channel = False
        """The child reads what the channel said."""
        self._fallback_order = FallbackOrder(repository)
        self._pending_rollback: _PendingRollback | None = None
        """The trial has failed, and that could not be written down yet."""
        self._installed_digest = FACTORY
        self._state_since_ns = clock.monotonic_ns()
        """When the deployment in flight came into its state."""
        self._deployment_state = ""
        self._is_start_recorded = False
        """This start has been counted in the ledger."""
        self.active_model = ActiveModel(settings=repository.settings.model)
        self._open_store()
        if not self._is_store_open:
            self._repository.load_read_only()
            self.active_model = self._select_active_model()

    # ---- What is asked and told ------------------------------------------------------------------------------------------

    def apply_settings(self, settings: Settings) -> ActiveModel:
        """Go on with another configuration: the model to look with."""
        self._repository.settings = settings
        self._fallback_order.reset()
        self.active_model = self._select_active_model()
        return self.active_model

    def process_message(
        self, item: MessageReceived | PendingControlRequest | InstallProgress | InstallFinished
    ) -> None:
        """Something has happened that concerns updates."""
        match item:
            case MessageReceived(payload=payload):
                self._channel.receive(payload)
            case PendingControlRequest(request=question, reply=answer):
                answer(self.execute(question))
            case InstallProgress():
                self._installer_progress = item.fraction
                self._last_progress_ns = self._clock.monotonic_ns()
            case InstallFinished(error=error) if (
                self._running_installer
            ):  # else it was killed as it said so
                self._on_installer_finished(error)

    def execute(self, control_request: ControlRequest) -> ControlResponse:
        """Do what somebody asks for."""
        before = self._repository.ledger
        id_, error = "", ""
        removed: tuple[str, ...] = ()
        try:
            self._ensure_store_open()
            match control_request:
                case InstallRequest(request=request):
                    id_ = self._begin_deployment(request)
                case CommitRequest():
                    id_ = self._commit("an operator committed it before its trial was over")
                case RollbackRequest(reason=reason):
                    id_ = self._roll_back_on_request(reason)
                case CollectGarbageRequest():
                    removed = self._collect_garbage_on_request()
                case StatusRequest():
                    pass
        except UpdateError as refusal:
            error = str(refusal)
        return ControlResponse(
            status=self.status(),
            error=error,
            changed=self._repository.ledger != before or bool(removed),
            id=id_,
            removed=removed,
        )

    def status(self) -> ModelStatus:
        """How things are."""
        progress = self._trial_monitor.progress if self._is_on_trial else self._installer_progress
        return self._repository.status(
            is_daemon_running=True,
            active_model_name=self._trial_monitor.active_model_name,
            progress=progress,
        )

    def build_status_report(self) -> ModelStatusReport:
        """The same, and what only a running daemon knows."""
        return ModelStatusReport(
            status=self.status(),
            installed_digest=self._installed_digest,
            state_since_ns=self._state_since_ns,
            channel=self._channel.state(self._repository.settings.updates),
        )

    def _on_installer_finished(self, error: str) -> None:
        """The child has ended; what it did stands in the ledger, and `error` says what does not."""
        self._running_installer = None
        self._installer_progress = 0.0
        before = self._repository.ledger
        try:
            self._repository.refresh()
            if self._is_reading_channel:
                self._update_channel_condition(error)
            elif error and self._repository.ledger.deployment:
                self._repository.block(error)
        except StoreError as failure:
            self._on_store_error(failure)
            return
        ledger = self._repository.ledger
        self._channel.record_followed(ledger.sequence, ledger.refresh_h)
        self._on_ledger_changed(deployment_ended=before.past[-1:] != ledger.past[-1:])
        if ledger.deployment and ledger.deployment.blocked_reason:
            pause_s = max(self._backoff.next_wait_s(), MIN_RETRY_S)
            self._resume_due_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)
            hindrance = ledger.deployment.blocked_reason
            self._report_problem(f"{hindrance}; it is tried again in {pause_s:.0f} s")
        else:
            self._backoff.reset()
            self._conditions.clear(ConditionKind.UPDATE)

    def _collect_garbage_on_request(self) -> tuple[str, ...]:
        if self._running_installer:
            raise UpdateError("a bundle is being brought in: try again when that is over")
        return self._repository.collect_garbage()

    def _update_channel_condition(self, error: str) -> None:
        """What the channel said was read; `error` says why it is not followed."""
        self._is_reading_channel = False
        if error:
            self._set_condition(
                ConditionKind.CHANNEL, f"what the update channel said is not followed: {error}"
            )
            self._channel.retry_after(MAX_RETRY_S)
        else:
            self._conditions.clear(ConditionKind.CHANNEL)

    # ---- What is due ------------------------------------------------------------------------------------------------------

    def tick(self, sample: SystemSample) -> ActiveModel:
        """Do what is due: the model to look with."""
        now_ns = self._clock.monotonic_ns()
        if self._store_retry_due_ns is not None and now_ns >= self._store_retry_due_ns:
            self._open_store()
        self._check_channel_staleness()
        self._trial_monitor.add_sample(sample)
        if self._trial_monitor.installed_model_failure:
            self._exclude_active_model(self._trial_monitor.installed_model_failure)
            self._trial_monitor.installed_model_failure = ""
        self._check_installer_timeout(now_ns)
        if self._is_store_open and self._running_installer is None:
            self._advance(now_ns, sample)
        self._track_state(now_ns)
        return self.active_model

    def _track_state(self, now_ns: int) -> None:
        deployment = self._repository.ledger.deployment
        state = f"{deployment.id} {deployment.state}" if deployment else ""
        if state != self._deployment_state:
            self._deployment_state, self._state_since_ns = state, now_ns
            if deployment:
                _log.info(
                    "update %s: %s: %s", deployment.id, deployment.display_name, deployment.state
                )

    def stop(self) -> None:
        """The daemon is being ended properly."""
        if self._running_installer:
            self._running_installer.kill()
        try:
            self._repository.mark_clean_shutdown()
        except StoreError as error:
            _log.warning("%s", error)

    def _advance(self, now_ns: int, sample: SystemSample) -> None:
        deployment = self._repository.ledger.deployment
        try:
            if deployment is None:
                self._poll_sources(now_ns)
            elif deployment.state == "trial":
                self._evaluate_trial()
            elif deployment.state == "self-tested":
                if self._can_begin_trial(deployment.digest, sample):
                    self._repository.begin_trial(self._boot_id, self._trial_monitor.baseline)
                    self._on_ledger_changed(deployment_ended=False)
            elif now_ns >= self._resume_due_ns:
                self._launch_installer(b"")
            if self._gc_due_ns is not None and now_ns >= self._gc_due_ns:
                self._collect_due_garbage(now_ns)
        except StoreError as error:
            self._on_store_error(error)

    def _can_begin_trial(self, digest: str, sample: SystemSample) -> bool:
        if self._repository.pinned_path:
            return False
        try:
            probation = self._fallback_order.load_model(digest).probation
        except UpdateError:
            probation = Probation()  # what is wrong with it comes out as it is to look
        return self._trial_monitor.can_begin(sample, probation.min_baseline_s)

    def _poll_sources(self, now_ns: int) -> None:
        if self._repository.pinned_path or self._repository.settings.updates.trust is None:
            return
        if self._channel.has_message:
            self._launch_installer(self._channel.take_message())
        elif now_ns >= self._drop_folder_due_ns:
            self._drop_folder_due_ns = now_ns + int(_DROP_FOLDER_POLL_S * NS_PER_S)
            dropped = self._drop_folder.take_next_bundle()
            if dropped is not None:
                self._begin_deployment(DeploymentRequest(source=str(dropped), requested_by="spool"))

    def _launch_installer(self, desired_envelope: bytes) -> None:
        """Start the child: with the channel's word, or to go on with what is in flight."""
        self._is_reading_channel = bool(desired_envelope)
        self._last_progress_ns = self._clock.monotonic_ns()
        try:
            self._running_installer = self._start_installer(
                self._repository.settings, desired_envelope
            )
        except WorkerError as error:
            self._on_installer_finished(str(error))

    def _check_installer_timeout(self, now_ns: int) -> None:
        if (
            self._running_installer
            and now_ns - self._last_progress_ns > MAX_INSTALLER_SILENCE_S * NS_PER_S
        ):
            self._running_installer.kill()
            self._on_installer_finished(
                f"the installer made no progress for {MAX_INSTALLER_SILENCE_S:g} s, and was killed"
            )

    def _begin_deployment(self, request: DeploymentRequest) -> str:
        id_ = self._repository.begin_deployment(request)
        self._resume_due_ns = 0
        self._backoff.reset()
        _log.info(
            "update %s: %s", id_, redact_url(request.source), extra=journal_fields(deployment=id_)
        )
        return id_

    def _evaluate_trial(self) -> None:
        if self._pending_rollback is not None:
            self._roll_back(self._pending_rollback)
            return
        match self._trial_monitor.evaluate():
            case CommitVerdict(flag_reason=flag):
                self._commit(flag)
            case RollbackVerdict(reason=reason):
                self._roll_back(_PendingRollback(reason, deny=True))
            case ContinueVerdict():
                pass

    def _commit(self, flag_reason: str) -> str:
        id_ = self._id_in_flight()
        self._repository.commit(flag_reason)
        self._on_ledger_changed(deployment_ended=True)
        return id_

    def _roll_back_on_request(self, reason: str) -> str:
        if self._repository.ledger.deployment is None:
            id_ = self._repository.roll_back_to_previous(reason)
            self._on_ledger_changed(deployment_ended=True)
            return id_
        id_ = self._id_in_flight()
        if self._running_installer:
            self._running_installer.kill()
            self._running_installer = None
            self._repository.refresh()
        self._roll_back(_PendingRollback(reason or "an operator called it off", deny=False))
        return id_

    def _roll_back(self, pending: _PendingRollback) -> None:
        """The old model looks again, even if that cannot be written down at once."""
        self._pending_rollback = pending
        try:
            self._repository.roll_back(pending.reason, deny=pending.deny)
        except StoreError:
            self.active_model = self._select_active_model()
            raise
        self._pending_rollback = None
        self._on_ledger_changed(deployment_ended=True)

    def _id_in_flight(self) -> str:
        deployment = self._repository.ledger.deployment
        if deployment is None:
            raise UpdateError("no update is in flight")
        return deployment.id

    def _on_ledger_changed(self, *, deployment_ended: bool) -> None:
        """The ledger has changed: look with what it says, and tell."""
        self.active_model = self._select_active_model()
        if not deployment_ended:
            return
        self._gc_due_ns = 0
        past = self._repository.ledger.past[-1]
        self._drop_folder.remove_bundle(past.source)
        level = logging.INFO if past.outcome == "committed" else logging.WARNING
        _log.log(
            level,
            "update %s: %s %s%s",
            *(past.id, past.title or past.source, past.outcome),
            f": {past.reason}" if past.reason else "",
            extra=journal_fields(deployment=past.id, outcome=past.outcome),
        )

    # ---- Which model looks ------------------------------------------------------------------------------------------------

    @property
    def _is_on_trial(self) -> bool:
        deployment = self._repository.ledger.deployment
        return deployment is not None and deployment.state == "trial"

    def _select_active_model(self) -> ActiveModel:
        """The model on trial with the committed one beside it, or that alone."""
        deployment = self._repository.ledger.deployment
        old = self._select_installed_model()
        if (
            self._repository.pinned_path
            or self._pending_rollback
            or deployment is None
            or not self._is_on_trial
        ):
            self._trial_monitor.end()
            return old
        try:
            new = self._fallback_order.load_model(deployment.digest)
        except StoreError as error:
            self._on_store_error(error)
            self._trial_monitor.end()
            return old
        except UpdateError as error:
            self._pending_rollback = _PendingRollback(str(error), deny=True)
            self._trial_monitor.end()
            return old
        exclusive = (
            new.settings.delegate is not None and new.settings.delegate == old.settings.delegate
        )
        chosen = new if exclusive else replace(new, shadow=old.settings)
        before = Baseline(fps=deployment.baseline_fps, frame_s_p95=deployment.baseline_frame_s_p95)
        self._trial_monitor.begin(chosen, before)
        return chosen

    def _exclude_active_model(self, reason: str) -> None:
        """The model that looks cannot be loaded, or takes its worker down again and again: the next one is to look."""
        if not self._is_on_trial:
            self._fallback_order.exclude(self.active_model.digest, reason)
            self.active_model = self._select_active_model()

    def _select_installed_model(self) -> ActiveModel:
        """The model that is kept, or the next best."""
        choice = replace(
            self._fallback_order.select_model(), goldens=None
        )  # passed once, in its trial
        self._installed_digest = choice.digest
        if self._fallback_order.fallback_reason:
            self._set_condition(
                ConditionKind.MODEL_FALLBACK,
                f"an older model looks instead: {self._fallback_order.fallback_reason}",
            )
        else:
            self._conditions.clear(ConditionKind.MODEL_FALLBACK)
        return choice

    # ---- The disk, and what is wrong --------------------------------------------------------------------------------------

    def _open_store(self) -> None:
        try:
            self._lock.acquire()
            self._repository.open()
            past = self._repository.ledger.past[-1:]
            if not self._is_start_recorded:
                self._repository.record_start(self._boot_id)
                self._is_start_recorded = True
        except StoreError as error:
            self._on_store_error(error)
            return
        self._store_retry_due_ns = None
        self._gc_due_ns = 0
        self._channel.record_followed(
            self._repository.ledger.sequence, self._repository.ledger.refresh_h
        )
        self._conditions.clear(ConditionKind.UPDATE)
        self._on_ledger_changed(deployment_ended=self._repository.ledger.past[-1:] != past)

    @property
    def _is_store_open(self) -> bool:
        return self._store_retry_due_ns is None

    def _ensure_store_open(self) -> None:
        if not self._is_store_open:
            self._open_store()
            if not self._is_store_open:
                raise StoreError("the model store's disk cannot be used: see up/health")

    def _on_store_error(self, error: StoreError) -> None:
        self._store_retry_due_ns = self._clock.monotonic_ns() + int(_STORE_RETRY_S * NS_PER_S)
        self._report_problem(f"{error}; updates wait until the disk can be used")

    def _collect_due_garbage(self, now_ns: int) -> None:
        self._gc_due_ns = now_ns + int(MAX_RETRY_S * NS_PER_S)
        self._repository.collect_garbage()
        self._gc_due_ns = None

    def _check_channel_staleness(self) -> None:
        state = self._channel.state(self._repository.settings.updates)
        if state and state.stale:
            self._set_condition(
                ConditionKind.CHANNEL_STALE,
                f"no news from the update channel for {state.age_s / 3600:.0f} h: somebody may be holding them back",
            )
        else:
            self._conditions.clear(ConditionKind.CHANNEL_STALE)

    def _report_problem(self, reason: str) -> None:
        self._set_condition(ConditionKind.UPDATE, reason)

    def _set_condition(self, kind: ConditionKind, reason: str) -> None:
        now_ns = self._clock.monotonic_ns()
        if self._conditions.set(kind, reason, now_ns=now_ns):
            _log.warning("%s: %s", kind, reason, extra=journal_fields(condition=kind.value))
