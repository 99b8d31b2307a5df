"""Where a configured device keeps things, and what it is called; the daemon and the commands beside it agree on that here."""

import os
import re
import socket
from pathlib import Path

from edged.config.settings import Settings
from edged.errors import ConfigError


def device_name(settings: Settings) -> str:
    """``[device] name``, or the host's name in letters that fit into a topic."""
    return settings.device.name or re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname()) or "edged"


def state_dir(settings: Settings) -> Path:
    """``[device] state_dir``, or the service's, or the user's; made if it is not there.

    Raises:
        ConfigError: it cannot be made.
    """
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    path = settings.device.state_dir or Path(
        os.environ.get("STATE_DIRECTORY") or Path(home).expanduser() / "edged"
    )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"device.state_dir: {path} cannot be made: {error.strerror}; name a folder that this user may write"
        ) from None
    return path


def model_store_dir(settings: Settings) -> Path:
    """The folder of the model store; whoever opens it makes it.

    Raises:
        ConfigError: the state directory cannot be made.
    """
    return state_dir(settings) / "models"


def drop_folder(settings: Settings) -> Path:
    """Where bundles appear that are to be installed."""
    return settings.updates.folder or model_store_dir(settings) / "incoming"
