"""The logging that a configuration asks for."""

import logging

from edged import logs
from edged.config.load import LoadedConfig

_log = logging.getLogger(__name__)


def use_log_settings(loaded: LoadedConfig) -> None:
    """Log at the level of a configuration from now on, and log its warnings."""
    logs.configure(loaded.settings.log.level)
    for warning in loaded.warnings:
        _log.warning("%s", warning)
