"""Paths that people give: links that lead nowhere, and files that are none."""

import errno
import os
import stat
from pathlib import Path


def real_path(path: Path) -> Path:
    """Return a path without its links; a link to itself stays, and opening it says so."""
    return Path(os.path.realpath(path))


def check_regular(path: Path) -> None:
    """Refuse what opening would wait for or never end, as a named pipe or a device.

    Raises:
        OSError: there is no such file, or it is neither a regular file nor a folder.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
