"""Switch of root to the owner of the state directory.

Commands that write there as root would otherwise leave files that the daemon cannot change.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from edged.errors import StoreError


@dataclass(frozen=True, slots=True)
class Owner:
    """A user as whom a process can run.

    Attributes:
        uid: number of the user.
        gid: number of the user's group.
        groups: numbers of all groups of the user.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]


def find_owner(folder: Path) -> Owner | None:
    """Return the user that owns `folder`, with all groups; None if this process is not root's, or if the folder is.

    Raises:
        StoreError: the folder cannot be read.
    """
    if os.geteuid() != 0:
        return None
    try:
        status = folder.stat()
    except OSError as error:
        raise _explain(folder, error) from error
    if status.st_uid == 0:
        return None
    try:
        user = pwd.getpwuid(status.st_uid)
    except KeyError:  # as in a container, or on a card from another device
        return Owner(status.st_uid, status.st_gid, (status.st_gid,))
    groups = tuple(os.getgrouplist(user.pw_name, user.pw_gid))
    return Owner(status.st_uid, user.pw_gid, groups)


def become_owner(folder: Path) -> None:
    """Switch this process for good to the user that owns `folder`, with all groups of that user.

    Does nothing if this process is not root's, or if the folder is.

    Raises:
        StoreError: the folder cannot be read, or this process may not switch users.
    """
    owner = find_owner(folder)
    if owner is None:
        return
    try:
        os.setgroups(owner.groups)
        os.setresgid(owner.gid, owner.gid, owner.gid)
        os.setresuid(owner.uid, owner.uid, owner.uid)
    except OSError as error:
        raise _explain(folder, error) from error


def _explain(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot act as the owner of {folder}: {error.strerror or error}; run this as that user"
    )
