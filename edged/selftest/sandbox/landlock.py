"""Landlock: a process gives up files, TCP and signals for good, without being root (kernel: Documentation/userspace-api/landlock.rst).

Glibc has no functions for it; its three system calls have the same numbers on every architecture that edged runs on.
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_ONLY = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_IOCTL_DEV = 1 << 15
_MIN_ABI = 1
_FILE_ACCESS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Accesses to files that can be forbidden, by the version of Landlock's ABI that introduced the newest of them."""
_TCP_ACCESS_BY_ABI = {4: 0b11}
_SCOPES_BY_ABI = {6: 0b11}
"""Abstract sockets, and signals to processes outside the sandbox."""


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("tcp", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def apply_landlock(readable: Iterable[Path], writable: Iterable[Path]) -> bool:
    """Forbid this thread, and those that it starts, all other files, TCP, and signals to other processes.

    Args:
        readable: files, and folders with everything in them, that can still be read; missing ones are skipped. Nothing in them can be executed.
        writable: devices, and folders of devices, that can still be read and written.

    Returns:
        False if this kernel lacks Landlock, in which case nothing was done.

    Raises:
        OSError: the kernel has Landlock, but refuses the rules.
    """
    abi = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_ONLY)
    if abi < _MIN_ABI:
        return False
    handled = _Ruleset(
        _latest_mask(_FILE_ACCESS_BY_ABI, abi),
        _latest_mask(_TCP_ACCESS_BY_ABI, abi),
        _latest_mask(_SCOPES_BY_ABI, abi),
    )
    # An older kernel accepts a larger structure than it knows only if the rest is zero, which it is.
    ruleset = _syscall(
        _CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(ctypes.sizeof(handled)), 0
    )
    try:
        for path in readable:
            _allow_path(ruleset, path, (_READ_FILE | _READ_DIR) & handled.files)
        for path in writable:
            both = _READ_FILE | _READ_DIR | _WRITE_FILE | _IOCTL_DEV
            _allow_path(ruleset, path, both & handled.files)
        forbid_new_privileges()
        _syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def forbid_new_privileges() -> None:
    """Keep every program that this process starts from getting more rights than the process has."""
    if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS) failed")


def _allow_path(ruleset: int, path: Path, access: int) -> None:
    with suppress(FileNotFoundError, PermissionError):  # what we cannot reach needs no rule
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(opened).st_mode):
                access &= ~_READ_DIR
            beneath = _PathBeneath(access, opened)
            _syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(beneath), 0)
        finally:
            os.close(opened)


def _latest_mask(by_abi: dict[int, int], abi: int) -> int:
    return max((mask for since, mask in by_abi.items() if since <= abi), default=0)


def _syscall(*arguments: object) -> int:
    result: int = _libc().syscall(*arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
