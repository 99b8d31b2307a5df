"""Supervises the installer process: starts it, follows its progress, kills it when it hangs, and waits between attempts."""

from collections.abc import Callable
from typing import Protocol

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock, PauseFreeClock
from edged.config.settings import Settings

MIN_RETRY_S = 1.0
INITIAL_RETRY_S = 2.0
MAX_RETRY_S = 300.0
MAX_INSTALLER_SILENCE_S = 180.0
"""An installer without progress for so long hangs: neither a server nor the self-test of two variants takes that long."""


_MAX_STEP_S = 1.0
"""The daemon looks several times a second; what is longer was a pause of the daemon itself, in which it could not hear of progress."""


class RunningInstaller(Protocol):
    """A running installer; `edged.updates.installer.process.InstallerProcess` is the real one."""

    def kill(self) -> None:
        """Kill the process, and wait until it has ended."""


StartInstaller = Callable[[Settings, bytes], RunningInstaller]
"""Starts an installer with the configuration and a message of the update channel, or b"" to continue the deployment in flight."""


class InstallSupervisor:
    """Runs at most one installer at a time."""

    def __init__(self, start_installer: StartInstaller, clock: Clock) -> None:
        """Supervise no installer yet.

        Args:
            start_installer: starts one; its end comes as `InstallFinished`.
            clock: the clock of pauses.
        """
        self._start_installer = start_installer
        self._clock = clock
        self._unpaused_clock = PauseFreeClock(clock, _MAX_STEP_S)
        self._running: RunningInstaller | None = None
        self._is_reading_channel = False
        self._progress = 0.0
        self._last_progress_ns = 0
        self._backoff = Backoff(initial_s=INITIAL_RETRY_S, max_s=MAX_RETRY_S)
        self._due_ns = 0

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
        """Start an installer.

        Args:
            settings: the configuration.
            desired_envelope: a message of the update channel; b"" to continue the deployment in flight.

        Raises:
            WorkerError: the process cannot be started.
        """
        self._is_reading_channel = bool(desired_envelope)
        self._last_progress_ns = self._unpaused_clock.monotonic_ns()
        self._progress = 0.0
        self._running = self._start_installer(settings, desired_envelope)

    def record_progress(self, fraction: float) -> None:
        """Note the progress that the installer reports, 0..1."""
        self._progress = fraction
        self._last_progress_ns = self._unpaused_clock.monotonic_ns()

    def record_end(self) -> bool:
        """Note that the installer has ended, or could not start; return whether it read a message of the update channel."""
        self._running = None
        self._progress = 0.0
        return self._is_reading_channel

    def stop(self) -> None:
        """Kill the installer, if one runs."""
        if self._running is not None:
            self._running.kill()
        self.record_end()

    def kill_if_hung(self) -> str | None:
        """Kill an installer that hangs; return why, or None."""
        silence_ns = self._unpaused_clock.monotonic_ns() - self._last_progress_ns
        if self._running is None or silence_ns <= MAX_INSTALLER_SILENCE_S * NS_PER_S:
            return None
        self._running.kill()
        return f"the installer made no progress for {MAX_INSTALLER_SILENCE_S:g} s, and was killed"

    def pause(self) -> float:
        """Begin a pause before the next attempt, longer each time; return its length in seconds."""
        pause_s = max(self._backoff.next_wait_s(), MIN_RETRY_S)
        self._due_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)
        return pause_s

    def reset_pause(self) -> None:
        """Allow the next attempt at once."""
        self._backoff.reset()
        self._due_ns = 0
