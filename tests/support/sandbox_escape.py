"""A runtime that tries to leave the sandbox, and reports in its error which attempts succeeded.

It takes the place of a real runtime's package, `interpreter` module included.
"""

import ctypes
import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

__version__ = "0"

_SYSCALLS = {"io_uring_setup": 425, "pidfd_open": 434, "clone3": 435, "openat2": 437}


def escape_attempts(readable: str, parent_pid: int) -> dict[str, Callable[[], object]]:
    """Return the attempts by name."""
    folder = Path(readable)
    return {
        "a TCP socket": socket.socket,
        "a UDP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "a local socket": lambda: socket.socket(socket.AF_UNIX),
        "a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "a pair of sockets": socket.socketpair,
        "the kernel's log": lambda: os.open("/dev/kmsg", os.O_RDONLY),
        "the terminal": lambda: os.open("/dev/tty", os.O_RDWR),
        "the devices' names": lambda: os.open("/dev", os.O_RDONLY),
        "other files": lambda: os.open("/etc/hostname", os.O_RDONLY),
        "its parent's memory": lambda: os.open(f"/proc/{parent_pid}/maps", os.O_RDONLY),
        "a new file": lambda: os.open(folder / "new", os.O_WRONLY | os.O_CREAT),
        "a file for writing": lambda: os.open(folder / "here", os.O_RDWR),
        "emptying a file": lambda: os.truncate(folder / "here", 0),
        "removing a file": (folder / "here").unlink,
        "renaming a file": lambda: (folder / "here").rename(folder / "there"),
        "other rights of a file": lambda: (folder / "here").chmod(0o777),
        "a program": lambda: subprocess.run(["/bin/true"], check=True),
        "a program without a fork": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - that is the point
        "a fork": _fork,
        "a signal to its parent": lambda: os.kill(parent_pid, 0),
        "tracing its parent": lambda: _call_libc("ptrace", 16, parent_pid, 0, 0),
        "its parent's limits": lambda: _prlimit(parent_pid),
        "outliving its parent": lambda: _call_libc("prctl", 1, 0),
        "a mount": lambda: _call_libc("mount", b"none", b"/mnt", b"tmpfs", 0, None),
        "a new network": lambda: _call_libc("unshare", 0x40000000),
        **{
            name: partial(_call_libc, "syscall", number, 0, 0, 0, 0)
            for name, number in _SYSCALLS.items()
        },
    }


def Interpreter(**_: object) -> None:  # noqa: N802 - what both runtimes call it
    """Make every attempt, and raise an error with the result."""
    outcomes = {
        name: _try(attempt)
        for name, attempt in escape_attempts(os.environ["ESCAPE_READABLE"], os.getppid()).items()
    }
    outcomes["a file that it may read"] = _try(
        (Path(os.environ["ESCAPE_READABLE"]) / "here").read_bytes
    )
    outcomes["a thread"] = _try(_thread)
    raise ValueError(json.dumps(outcomes))


def load_delegate(*_: object) -> None:
    """Do nothing: there is no delegate."""


def _try(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return os.strerror(error.errno or 0)
    return "open"


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _thread() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


def _prlimit(pid: int) -> None:
    import resource

    resource.prlimit(pid, resource.RLIMIT_CORE)


def _call_libc(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
