"""Switch of root to the owner of the state directory.

Commands that write there as root would otherwise leave files that the daemon cannot change.
"""

import os
import pwd
from pathlib import Path

from edged.errors import StoreError


def become_owner(folder: Path) -> None:
    """Switch this process for good to the user that owns `folder`, with all groups of that user.

    Does nothing if this process is not root's, or if the folder is.

    Raises:
        StoreError: the folder cannot be read, or this process may not switch users.
    """
    if os.geteuid() != 0:
        return
    try:
        status = folder.stat()
        if status.st_uid == 0:
            return
        _switch_user(status.st_uid, status.st_gid)
    except OSError as error:
        raise StoreError(
            f"cannot act as the owner of {folder}: {error.strerror or error}; run this as that user"
        ) from error


def _switch_user(uid: int, gid: int) -> None:
    try:
        user = pwd.getpwuid(uid)
    except KeyError:  # as in a container, or on a card from another device
        os.setgroups([gid])
    else:
        gid = user.pw_gid
        os.initgroups(user.pw_name, gid)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
