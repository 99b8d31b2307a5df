"""The status of the models in a running daemon: what the store had, and how the models work now."""

from msgspec.structs import replace

from edged.clock import Clock
from edged.updates.service.control_messages import ControlResponse, ModelStatus
from edged.updates.service.install_supervisor import InstallSupervisor
from edged.updates.service.operations import RuntimeStatus, describe_models
from edged.updates.service.status_payload import ModelStatusReport, StateTimer
from edged.updates.service.step_queue import StepQueue
from edged.updates.service.store_state import StoreState
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.service.update_channel import UpdateChannel


class LiveStatus:
    """Follows the store's state, and completes it without using the disk."""

    def __init__(
        self,
        *,
        queue: StepQueue,
        monitor: TrialMonitor,
        installer: InstallSupervisor,
        channel: UpdateChannel,
        clock: Clock,
    ) -> None:
        """Know no state yet.

        Args:
            queue: knows whether the disks answer.
            monitor: knows which model runs, and the progress of its trial.
            installer: knows the progress of an installation.
            channel: the update channel.
            clock: the clock of the time of the last change.
        """
        self._queue = queue
        self._monitor = monitor
        self._installer = installer
        self._channel = channel
        self._state_timer = StateTimer(clock)
        self._state: StoreState | None = None

    def follow_state(self, state: StoreState) -> None:
        """Report this state from now on."""
        self._state = state
        self._state_timer.update(state.deployment)

    def status(self) -> ModelStatus:
        """Return the status of the models; without a state, only that a daemon runs."""
        silent_s, state = self._queue.silent_s, self._state
        if state is None:
            return ModelStatus(daemon=True, disk_silent_s=silent_s)
        is_trial = state.trial is not None
        source = self._monitor if is_trial else self._installer
        runtime = RuntimeStatus(
            is_daemon_running=True,
            active_model_name=self._monitor.active_model_name,
            progress=source.progress,
            suspended_reason=self._monitor.suspended_reason if is_trial else None,
            disk_silent_s=silent_s,
        )
        return describe_models(state.ledger, state.versions, state.settings, runtime)

    def build_report(self) -> ModelStatusReport | None:
        """Return the status for `up/model`; None without a state."""
        if self._state is None:
            return None
        return ModelStatusReport(
            status=self.status(),
            installed_digest=self._state.installed.digest,
            state_since_ns=self._state_timer.since_ns,
            channel=self._channel.state(self._state.settings.updates),
        )

    def complete(self, response: ControlResponse) -> ControlResponse:
        """Return a response with the present status."""
        return replace(response, status=self.status())

    def make_response(self, error: str) -> ControlResponse:
        """Return the response to a request that was not carried out; `error` says why, and is "" for a request of the status."""
        return ControlResponse(status=self.status(), error=error)
