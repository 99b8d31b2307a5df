"""Decides which step of model updates that uses the disk is done next, and starts the installers between the steps."""

from collections.abc import Callable
from typing import Protocol

from edged.clock import NS_PER_S, Clock
from edged.config.settings import Settings
from edged.updates.service.control_messages import (
    CommitRequest,
    ControlRequest,
    InstallRequest,
    RollbackRequest,
    StatusRequest,
)
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.install_supervisor import InstallEnd, InstallSupervisor
from edged.updates.service.live_status import LiveStatus
from edged.updates.service.operations import STORE_CLOSED
from edged.updates.service.request_line import RequestLine
from edged.updates.service.step_queue import StepQueue
from edged.updates.service.store_state import StoreState
from edged.updates.service.store_steps import RequestOutcome, StoreSteps
from edged.updates.service.system_sample import SystemSample
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.service.trial_supervisor import TrialSupervisor
from edged.updates.service.update_channel import UpdateChannel

STORE_RETRY_S = 5.0
_DROP_FOLDER_POLL_S = 2.0
_SETTLE_S = 0.5
"""A file that did not change for so long is not being written; one that is written more slowly is recognised by its end."""

OnState = Callable[[StoreState], object]


class StateFollower(Protocol):
    """Acts on the result of every step."""

    def follow_state(self, state: StoreState) -> None:
        """Note and report the state of the store after a step."""

    def select_model(self, state: StoreState) -> None:
        """Make the workers run the active model."""


class StepScheduler:
    """Begins one step after the other."""

    def __init__(
        self,
        steps: StoreSteps,
        queue: StepQueue,
        *,
        installer: InstallSupervisor,
        channel: UpdateChannel,
        trial: TrialSupervisor,
        monitor: TrialMonitor,
        status: LiveStatus,
        clock: Clock,
        follower: StateFollower,
    ) -> None:
        """Begin nothing yet.

        Args:
            steps: the steps.
            queue: where they are done.
            installer: never runs while a step writes to the store.
            channel: has messages for an installer.
            trial: knows whether a trial has ended.
            monitor: has the measurement that a trial needs to begin.
            status: makes responses.
            clock: the clock of pauses.
            follower: acts on each result.
        """
        self._steps = steps
        self._queue = queue
        self._installer = installer
        self._channel = channel
        self._trial = trial
        self._monitor = monitor
        self._status = status
        self._clock = clock
        self._follower = follower
        self._requests = RequestLine(clock, status.make_response)
        self._state: StoreState | None = None
        self._new_settings: tuple[Settings, OnState] | None = None
        self._failed_version: tuple[str, str] | None = None
        """The digest of the installed version that failed at work, and why, until another one is selected."""
        self._open_due_ns = self._poll_due_ns = 0

    @property
    def is_idle(self) -> bool:
        """True if nothing uses the store, and nothing waits for it."""
        waits = self._new_settings or self._failed_version or self._requests.next_request
        return self._queue.is_free and not (self._installer.is_running or waits)

    def start(self) -> None:
        """Read the store and record this start of the daemon."""
        self._begin(self._steps.start)

    def apply_settings(self, settings: Settings, on_applied: OnState) -> None:
        """Select the versions by another configuration, then call `on_applied`; replaces a configuration that waits."""
        self._new_settings = (settings, on_applied)
        self.proceed()

    def exclude(self, digest: str, reason: str) -> None:
        """Select another version instead of this one, which failed at work."""
        self._failed_version = (digest, reason)

    def receive_request(self, pending: PendingControlRequest) -> None:
        """Carry out a request of an operator when nothing else uses the store; respond at once to one for the status."""
        if isinstance(pending.request, StatusRequest) and self._state is not None:
            is_open = self._state.is_open
            pending.reply(self._status.make_response("" if is_open else STORE_CLOSED))
        else:
            self._requests.add(pending)
            self.proceed()

    def proceed(self) -> None:
        """Begin the next step that waits, if none is being done."""
        state = self._state
        if state is None or not self._queue.is_free:
            return
        if (end := self._installer.take_end()) is not None:
            self._follow_installer(end)
        elif self._new_settings is not None:
            (settings, on_applied), self._new_settings = self._new_settings, None
            self._begin(lambda: self._steps.apply_settings(settings), on_applied)
        elif self._failed_version is not None:
            (digest, reason), self._failed_version = self._failed_version, None
            self._begin(lambda: self._steps.exclude(digest, reason))
        elif self._trial.has_end and state.is_open:
            trial_end = self._trial.begin_recording()
            self._begin(lambda: self._steps.end_trial(trial_end.deployment_id, trial_end.verdict))
        elif (request := self._requests.next_request) is not None:
            self._begin_request(state, request)
        elif state.has_garbage and state.is_open and not self._installer.is_running:
            self._begin(self._steps.collect_garbage)

    def advance(self, sample: SystemSample) -> None:
        """Take the next step of the deployment in flight, or begin a new one; refuse requests that waited for too long."""
        self._requests.refuse_overdue()
        self.proceed()
        state = self._state
        if state is None or not self.is_idle:
            return
        if not state.is_open:
            self._open_again()
        elif state.deployment is None:
            self._begin_next(state)
        elif state.deployment.state == "self-tested":
            self._begin_trial(state, sample)
        elif state.deployment.state != "trial" and self._installer.is_due:
            self._installer.start(state.settings)

    def _begin(self, step: Callable[[], StoreState], then: OnState = lambda _: None) -> None:
        """Do a step, act on the state after it, and go on."""

        def finish(state: StoreState) -> None:
            self._follow_state(state)
            then(state)
            self._follower.select_model(state)
            self.proceed()

        self._queue.begin(step, finish)

    def _follow_state(self, state: StoreState) -> None:
        self._state = state
        if not state.is_open:
            self._open_due_ns = self._clock.monotonic_ns() + int(STORE_RETRY_S * NS_PER_S)
        self._installer.follow_deployment(state.deployment)
        self._trial.follow_state(state)
        self._follower.follow_state(state)

    def _follow_installer(self, end: InstallEnd) -> None:
        """Read what an installer recorded."""

        def schedule(state: StoreState) -> None:
            if state.is_open and not end.was_stopped:
                self._installer.schedule_next(state.deployment)
                self._follower.follow_state(state)

        self._begin(lambda: self._steps.follow_installer(end.error), schedule)

    def _begin_request(self, state: StoreState, request: ControlRequest) -> None:
        """Carry out the next request; an installer in its way is stopped before."""
        is_rollback = isinstance(request, RollbackRequest)
        is_change = isinstance(request, InstallRequest | CommitRequest)
        if is_rollback or (is_change and self._installer.is_reading_channel):
            self._installer.stop()
            if self._installer.is_running:
                return
        if is_rollback:
            self._trial.begin_rollback(state)
            self._follower.select_model(state)
        is_installing = self._installer.is_running
        self._requests.begin()
        self._queue.begin(
            lambda: self._steps.execute(request, is_installing=is_installing), self._finish_request
        )

    def _finish_request(self, outcome: RequestOutcome) -> None:
        self._follow_state(outcome.state)
        self._follower.select_model(outcome.state)
        self._requests.finish(self._status.complete(outcome.response))
        self.proceed()

    def _open_again(self) -> None:
        if self._clock.monotonic_ns() >= self._open_due_ns:
            self._begin(self._steps.open)

    def _begin_next(self, state: StoreState) -> None:
        """Read a message of the channel, or else look into the drop folder."""
        if not state.allows_updates:
            return
        message = self._channel.take_message(
            is_on_request=state.settings.updates.install == "on_request"
        )
        if message is not None:
            self._installer.start(state.settings, message)
        elif self._clock.monotonic_ns() >= self._poll_due_ns:
            self._begin(self._steps.take_dropped_bundle, self._schedule_poll)

    def _schedule_poll(self, state: StoreState) -> None:
        pause_s = _SETTLE_S if state.is_folder_settling else _DROP_FOLDER_POLL_S
        self._poll_due_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)

    def _begin_trial(self, state: StoreState, sample: SystemSample) -> None:
        is_obstructed = sample.throttled or sample.obstacle
        if state.settings.model.path is None and not is_obstructed:
            measurement = self._monitor.measure_baseline()
            self._begin(lambda: self._steps.begin_trial(measurement))
