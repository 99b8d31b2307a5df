"""Root, in commands that write into the state directory, becomes the user that it belongs to: else the daemon could not change what they leave there."""

import os
import pwd
from pathlib import Path

from edged.errors import StoreError


def become_owner(folder: Path) -> None:
    """For good, with all groups of that user; nothing to do for others than root, or where the folder is root's.

    Raises:
        StoreError: the folder cannot be looked at, or this root may not become another.
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
