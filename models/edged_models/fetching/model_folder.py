"""Where fetched models go, so that an edged on this machine can be pointed at them."""

import os
from collections.abc import Mapping
from pathlib import Path

STATE_FOLDER = Path("/var/lib/edged")
"""Where the packaged daemon keeps what is its own."""


def default_model_folder(environment: Mapping[str, str], state: Path = STATE_FOLDER) -> Path:
    """``models`` in the daemon's folder if that is there and may be written to, else in the user's data folder (XDG)."""
    folder = state / "models"
    if os.access(folder if folder.exists() else state, os.W_OK):
        return folder
    # The XDG specification has a relative path ignored.
    data = Path(environment.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():
        data = Path(environment.get("HOME", "/")) / ".local" / "share"
    return data / "edged" / "models"
