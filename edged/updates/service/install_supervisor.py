"""Supervises the installer process: starts it, follows its progress, kills it when it hangs, and waits between attempts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock, PauseFreeClock
from edged.config.settings import Settings
from edged.errors import WorkerError
from edged.host.scheduling import waits_for_disk
from edged.updates.rules.ledger import Deployment
from edged.updates.service.update_channel import UpdateChannel

MIN_RETRY_S = 1.0
INITIAL_RETRY_S = 2.0
MAX_RETRY_S = 300.0
MAX_INSTALLER_SILENCE_S = 180.0
"""An installer without progress for so long hangs: neither a server nor the self-test of two variants takes that long."""


_MAX_STEP_S = 1.0
"""The daemon looks several times a second; what is longer was a pause of the daemon itself, in which it could not hear of progress."""


class RunningInstaller(Protocol):
    """A running installer; `edged.updates.installer.process.InstallerProcess` is the real one."""

    @property
    def pid(self) -> int:
        """The id of the process."""

    def kill(self) -> None:
        """Kill the process without waiting; its end comes as `InstallFinished`, as any other."""


StartInstaller = Callable[[Settings, bytes], RunningInstaller]
"""Starts an installer with the configuration and a message of the update channel, or b"" to continue the deployment in flight."""


@dataclass(frozen=True, slots=True)
class InstallEnd:
    """The end of an installer, after which the ledger is to be read.

    Attributes:
        error: what it could not record of the deployment in flight; "" if there is nothing.
        was_stopped: it was killed because something else is to be done.
    """

    error: str
    was_stopped: bool


class InstallSupervisor:
    """Runs at most one installer at a time."""

    def __init__(
        self, start_installer: StartInstaller, channel: UpdateChannel, clock: Clock
    ) -> None:
        """Supervise no installer yet.

        Args:
            start_installer: starts one; its end comes as `InstallFinished`.
            channel: gets to know how reading its message ended.
            clock: the clock of pauses.
        """
        self._start_installer = start_installer
        self._channel = channel
        self._clock = clock
        self._unpaused_clock = PauseFreeClock(clock, _MAX_STEP_S)
        self._running: RunningInstaller | None = None
        self._end: InstallEnd | None = None
        self._is_reading_channel = False
        self._is_stopped = False
        self._kill_reason = ""
        self._progress = 0.0
        self._last_progress_ns = self._looked_ns = 0
        self._backoff = Backoff(initial_s=INITIAL_RETRY_S, max_s=MAX_RETRY_S)
        self._due_ns = 0
        self._deployment_id = ""
        self.blocked_reason: str | None = None
        """Why the last attempt did not continue the deployment, and when the next one is made; None if it did."""

    @property
    def is_running(self) -> bool:
        """True while an installer runs: it alone may write to the store then."""
        return self._running is not None

    @property
    def is_reading_channel(self) -> bool:
        """True while an installer runs that reads a message of the update channel."""
        return self.is_running and self._is_reading_channel

    @property
    def progress(self) -> float:
        """The progress of the present step, 0..1."""
        return self._progress

    @property
    def is_due(self) -> bool:
        """True unless the pause after a failed attempt lasts."""
        return self._clock.monotonic_ns() >= self._due_ns

    def start(self, settings: Settings, desired_envelope: bytes = b"") -> None:
        """Start an installer; one that cannot be started has ended.

        Args:
            settings: the configuration.
            desired_envelope: a message of the update channel; b"" to continue the deployment in flight.
        """
        self._is_reading_channel = bool(desired_envelope)
        self._is_stopped = False
        self._kill_reason = ""
        self._last_progress_ns = self._looked_ns = self._unpaused_clock.monotonic_ns()
        self._progress = 0.0
        try:
            self._running = self._start_installer(settings, desired_envelope)
        except WorkerError as error:
            self._record_end(str(error))

    def record_progress(self, fraction: float) -> None:
        """Note the progress that the installer reports, 0..1."""
        self._progress = fraction
        self._last_progress_ns = self._unpaused_clock.monotonic_ns()

    def record_end(self, error: str) -> None:
        """Note that the installer has ended.

        Args:
            error: what it could not record in the ledger; "" if there is nothing.
        """
        if self._running is not None:
            self._record_end(self._kill_reason or error)

    def take_end(self) -> InstallEnd | None:
        """Return the end of an installer, once, so that the ledger is read; None if there is none."""
        end, self._end = self._end, None
        return end

    def stop(self) -> None:
        """Kill the installer, if one runs, because something else is to be done; its end follows. A message of the channel is read again later."""
        if self._running is None or self._is_stopped:
            return
        self._is_stopped = True
        self._running.kill()
        if self._is_reading_channel:
            self._channel.give_again()

    def kill_if_hung(self, *, is_disk_silent: bool) -> None:
        """Kill an installer that hangs; time in which a disk does not answer is no time of its silence."""
        now_ns = self._unpaused_clock.monotonic_ns()
        if is_disk_silent:
            self._last_progress_ns += now_ns - self._looked_ns
        self._looked_ns = now_ns
        if self._running is None or self._is_stopped or self._kill_reason:
            return
        is_hung = now_ns - self._last_progress_ns > MAX_INSTALLER_SILENCE_S * NS_PER_S
        if is_hung and not waits_for_disk(self._running.pid):
            self._kill_reason = (
                f"the installer made no progress for {MAX_INSTALLER_SILENCE_S:g} s, and was killed"
            )
            self._running.kill()

    def follow_deployment(self, deployment: Deployment | None) -> None:
        """Allow the next attempt at once if this deployment is another one than before, or has ended."""
        id_ = deployment.id if deployment else ""
        if id_ != self._deployment_id:
            self._deployment_id = id_
            self._reset_pause()

    def schedule_next(self, deployment: Deployment | None) -> None:
        """Begin a pause after an attempt that was blocked, longer each time."""
        if deployment is None or not deployment.blocked_reason:
            self._reset_pause()
            return
        pause_s = max(self._backoff.next_wait_s(), MIN_RETRY_S)
        self._due_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)
        self.blocked_reason = f"{deployment.blocked_reason}; the next attempt is in {pause_s:.0f} s"

    def _reset_pause(self) -> None:
        self._backoff.reset()
        self._due_ns = 0
        self.blocked_reason = None

    def _record_end(self, error: str) -> None:
        self._running = None
        self._progress = 0.0
        if self._is_reading_channel and not self._is_stopped:
            self._channel.finish_message(error)
        is_recorded = self._is_reading_channel or self._is_stopped
        self._end = InstallEnd("" if is_recorded else error, self._is_stopped)
