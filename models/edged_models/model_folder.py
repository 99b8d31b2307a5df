"""The default folder for fetched models, where an edged on this machine can use them."""

import os
from collections.abc import Mapping
from pathlib import Path

STATE_FOLDER = Path("/var/lib/edged")
"""The state folder of the packaged daemon."""


def default_model_folder(environment: Mapping[str, str], state: Path = STATE_FOLDER) -> Path:
    """Return ``models`` in the daemon's state folder if that is writable, else in the user's data folder (XDG)."""
    folder = state / "models"
    if os.access(folder if folder.exists() else state, os.W_OK):
        return folder
    # The XDG specification says that a relative path is ignored.
    data = Path(environment.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():
        data = Path(environment.get("HOME", "/")) / ".local" / "share"
    return data / "edged" / "models"
