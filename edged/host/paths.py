"""Name and folders of a configured device, shared by the daemon and the commands."""

import os
import re
import socket
from pathlib import Path

from edged.config.settings import Settings
from edged.errors import ConfigError


def device_name(settings: Settings) -> str:
    """Return ``[device] name``, or the host's name reduced to characters that are valid in a topic."""
    return settings.device.name or re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname()) or "edged"


def state_dir(settings: Settings) -> Path:
    """Return ``[device] state_dir``, otherwise the service's or the user's state directory; create it if necessary.

    Raises:
        ConfigError: the directory cannot be created.
    """
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    path = settings.device.state_dir or Path(
        os.environ.get("STATE_DIRECTORY") or Path(home).expanduser() / "edged"
    )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"device.state_dir: {path} cannot be created: {error.strerror}; set a folder that this user can write to"
        ) from None
    return path


def model_store_dir(settings: Settings) -> Path:
    """Return the folder of the model store, without creating it.

    Raises:
        ConfigError: the state directory cannot be created.
    """
    return state_dir(settings) / "models"


def catalogue_dir(settings: Settings) -> Path:
    """Return the folder of the models that were fetched from the catalogue, without creating it.

    Raises:
        ConfigError: the state directory cannot be created.
    """
    return state_dir(settings) / "catalogue"


def drop_folder(settings: Settings) -> Path:
    """Return the folder that is watched for bundles to install.

    Raises:
        ConfigError: the state directory cannot be created.
    """
    return settings.updates.folder or model_store_dir(settings) / "incoming"
