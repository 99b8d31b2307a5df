"""What lies in the place of a spool file and is none: it is quarantined under one fixed name, or made readable."""

import os
import shutil
import stat
from pathlib import Path

_OWNER_ACCESS = stat.S_IRUSR | stat.S_IWUSR


def quarantine(path: Path) -> Path:
    """Move whatever lies at `path` to ``NAME.corrupt``; an older one is deleted, because the disk is small. Return the new path.

    Raises:
        OSError: the disk fails, or `path` does not exist.
    """
    target = path.with_name(f"{path.name}.corrupt")
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    elif path.is_dir():
        target.unlink(missing_ok=True)
    return path.replace(target)


def make_usable(path: Path) -> Path | None:
    """Quarantine what lies at `path` if it is no file; return its new path, or None if nothing was moved.

    A file of this user without read or write permission gets both.

    Raises:
        OSError: the disk fails.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return quarantine(path)
    if status.st_uid == os.geteuid() and status.st_mode & _OWNER_ACCESS != _OWNER_ACCESS:
        path.chmod(stat.S_IMODE(status.st_mode) | _OWNER_ACCESS)
    return None
