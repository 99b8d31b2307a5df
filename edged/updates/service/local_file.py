"""The check of a bundle's file before its deployment begins: a mistyped name must not end the record of the last deployment."""

import os
import stat

from edged.errors import UpdateError
from edged.updates.rules.source import check_scheme, check_source, source_path


def check_local_file(source: str) -> None:
    """Check that the source, if it is a path or a file URL, names a file that this process can read.

    Raises:
        UpdateError: it does not, or it can be no address at all.
    """
    check_source(source)
    check_scheme(source)
    path = source_path(source)
    if path is None:
        return
    if not path.is_absolute():
        raise UpdateError(f"{path}: neither an absolute path nor a URL")
    try:
        status = path.stat()
    except OSError as error:
        raise UpdateError(f"{path}: {_describe(error)}") from error
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise UpdateError(f"{path}: it is {what}; name a bundle (.edgem)")
    if not os.access(path, os.R_OK):
        raise UpdateError(f"{path}: {_describe(PermissionError(0, 'Permission denied'))}")


def _describe(error: OSError) -> str:
    """Return an error of the file system, and what to do about it."""
    if isinstance(error, FileNotFoundError):
        return "no such file: check the name"
    if isinstance(error, PermissionError):
        return "it cannot be read by edged's user: copy it to a folder that this user can read"
    return f"cannot be read: {error.strerror}"
