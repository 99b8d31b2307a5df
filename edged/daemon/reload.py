"""SIGHUP: reads the configuration again, in a disk's thread, and reports what came of it."""

import logging
from collections.abc import Callable

from edged.clock import Clock
from edged.config.load import LoadedConfig
from edged.config.reload_effects import plan_reload
from edged.config.settings import Settings
from edged.daemon.log_settings import use_log_settings
from edged.disk_thread import DiskQueue
from edged.errors import ConfigError
from edged.health import ConditionKind, Conditions

_log = logging.getLogger(__name__)

OnReloaded = Callable[[str | None], object]
"""Gets why the new configuration is invalid, in words; None if it is valid."""


class ConfigReloader:
    """Reads the configuration again, and keeps the last good one if the new one is invalid."""

    def __init__(
        self,
        startup_settings: Settings,
        *,
        load: Callable[[], LoadedConfig],
        disk: DiskQueue,
        on_settings: Callable[[Settings | None], object],
        conditions: Conditions,
        clock: Clock,
    ) -> None:
        """Read nothing yet.

        Args:
            startup_settings: those that the daemon started with.
            load: reads the configuration's files; raises `ConfigError`.
            disk: does the reading.
            on_settings: gets the new configuration; None if it is invalid, which the condition `config` then reports.
            conditions: the active conditions.
            clock: the clock of the conditions' times.
        """
        self._startup_settings = startup_settings
        self._load = load
        self._disk = disk
        self._on_settings = on_settings
        self._conditions = conditions
        self._clock = clock
        self._is_reading = self._is_requested_again = False
        self._waiting: list[OnReloaded] = []

    def request(self, on_reloaded: OnReloaded | None = None) -> None:
        """Read the configuration; a request while it is being read counts from then on, together with further ones.

        Args:
            on_reloaded: called when the configuration was read.
        """
        if on_reloaded is not None:
            self._waiting.append(on_reloaded)
        if self._is_reading:
            self._is_requested_again = True
            return
        self._is_reading = True
        self._disk.submit(self._read, self._finish)

    def _read(self) -> LoadedConfig | Exception:
        try:
            return self._load()
        except Exception as error:  # noqa: BLE001 - no new configuration may end a daemon that works
            return error

    def _finish(self, loaded: LoadedConfig | Exception) -> None:
        self._is_reading = False
        if self._is_requested_again:
            self._is_requested_again = False
            self.request()
            return
        if isinstance(loaded, Exception):
            if not isinstance(loaded, ConfigError):
                _log.error("reading the configuration failed", exc_info=loaded)
            self._report_invalid(loaded)
            self._on_settings(None)
            self._report(str(loaded))
            return
        use_log_settings(loaded)
        self._conditions.clear(ConditionKind.CONFIG)
        self._report_restart(loaded.settings)
        _log.info("the configuration was reloaded")
        self._on_settings(loaded.settings)
        self._report(None)

    def _report(self, error: str | None) -> None:
        waiting, self._waiting = self._waiting, []
        for on_reloaded in waiting:
            on_reloaded(error)

    def _report_invalid(self, error: Exception) -> None:
        reason = f"the new configuration is invalid, and the last good one stays in use:\n{error}"
        for line in reason.splitlines():  # a record is one line
            _log.error("%s", line)
        now_ns = self._clock.monotonic_ns()
        self._conditions.set(ConditionKind.CONFIG, reason, now_ns=now_ns)

    def _report_restart(self, settings: Settings) -> None:
        keys = plan_reload(self._startup_settings, settings).keys_needing_restart
        if keys:
            reason = f"these changed settings take effect only after a restart: {', '.join(keys)}"
            now_ns = self._clock.monotonic_ns()
            self._conditions.set(ConditionKind.CONFIG_RESTART, reason, now_ns=now_ns)
        else:
            self._conditions.clear(ConditionKind.CONFIG_RESTART)
