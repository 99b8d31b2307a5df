"""SIGHUP: reads the configuration again, and reports what came of it."""

import logging
from collections.abc import Callable

from edged.clock import Clock
from edged.config.reload_effects import plan_reload
from edged.config.settings import Settings
from edged.errors import ConfigError
from edged.health import ConditionKind, Conditions

_log = logging.getLogger(__name__)


class ConfigReloader:
    """Reads the configuration again, and keeps the last good one if the new one is invalid."""

    def __init__(
        self,
        startup_settings: Settings,
        *,
        read_settings: Callable[[], Settings],
        conditions: Conditions,
        clock: Clock,
    ) -> None:
        """Read nothing yet.

        Args:
            startup_settings: those that the daemon started with.
            read_settings: reads the configuration's files; raises `ConfigError`.
            conditions: the active conditions.
            clock: the clock of the conditions' times.
        """
        self._startup_settings = startup_settings
        self._read_settings = read_settings
        self._conditions = conditions
        self._clock = clock

    def reload(self) -> Settings | None:
        """Return the new configuration; None if it is invalid, which the condition `config` then reports."""
        try:
            settings = self._read_settings()
        except Exception as error:  # noqa: BLE001 - no new configuration may end a daemon that works
            if not isinstance(error, ConfigError):
                _log.exception("reading the configuration failed")
            self._report_invalid(error)
            return None
        self._conditions.clear(ConditionKind.CONFIG)
        self._report_restart(settings)
        _log.info("the configuration was reloaded")
        return settings

    def _report_invalid(self, error: Exception) -> None:
        reason = f"the new configuration is invalid, and the last good one stays in use:\n{error}"
        _log.error("%s", reason)
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
