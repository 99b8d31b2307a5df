"""Starting a child process, and being one.

Children are spawned, never forked: a fork of a process with camera or interpreter threads inherits locks that nobody will
release. A child shares one socket pair with its parent, and dies with it.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from edged.errors import WorkerError
from edged.host.native_output import standard_error

_PR_SET_PDEATHSIG = 1
_DEFAULT_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
"""numpy's linear algebra, which edged uses for single boxes at most, would start a thread for each core: on two cores 115 ms of processor time at each import."""

SpawnedChild = tuple[subprocess.Popen[bytes], socket.socket]
"""A child process, and our end of its SOCK_SEQPACKET pair."""


def spawn(
    module: str,
    arguments: Sequence[str] = (),
    *,
    pass_fds: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> SpawnedChild:
    """Start ``python -m module FD ARGUMENTS``; return the process and our end of the SOCK_SEQPACKET pair. FD is the child's end.

    Args:
        module: the child's module.
        arguments: further arguments, after FD.
        pass_fds: further descriptors that the child inherits, under the same numbers.
        environment: variables that replace or extend ours.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        fd = theirs.fileno()
        try:
            child = subprocess.Popen(
                [sys.executable, "-m", module, str(fd), *arguments],
                pass_fds=(fd, *pass_fds),
                env={**_DEFAULT_ENVIRONMENT, **os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stderr=standard_error(),
            )
        except OSError:
            ours.close()
            raise
    return child, ours


def spawn_with_packet(
    module: str,
    packet: bytes | None,
    *,
    pass_fds: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> SpawnedChild:
    """Do what `spawn` does, and send the child its first packet, if there is one.

    Raises:
        WorkerError: no process can be started.
    """
    try:
        process, channel = spawn(module, pass_fds=pass_fds, environment=environment)
    except OSError as error:
        raise WorkerError(f"cannot start a process for {module}: {error.strerror}") from error
    if packet is not None:
        with suppress(OSError):  # it ended at once, which the next read notices
            channel.send(packet)
    return process, channel


def adopt_socket(fd: int) -> socket.socket:
    """Return the child's end of the socket pair; exit if the parent has ended already.

    Call `bind_lifetime_to_parent` first: it has no effect once the parent is gone, and the parent's first message can be in the socket even then.
    """
    poll = select.poll()
    poll.register(fd, 0)
    if any(events & select.POLLHUP for _, events in poll.poll(0)):
        raise SystemExit("the parent process has ended")
    return socket.socket(fileno=fd)


def bind_lifetime_to_parent() -> None:
    """Make this process die with the thread that spawned it, and leave the terminal's Ctrl-C to the parent."""
    request_signal_at_parents_end(signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def request_signal_at_parents_end(number: signal.Signals) -> None:
    """Let this process, and the program that it becomes by exec, get a signal when the thread that spawned it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)


def describe_exit(returncode: int) -> str:
    """Return ``exited with 3`` or ``was killed by SIGSEGV``."""
    if returncode >= 0:
        return f"exited with {returncode}"
    try:
        return f"was killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was killed by signal {-returncode}"


def open_pidfd(module: str, child: SpawnedChild) -> int:
    """Return a descriptor that becomes readable when a child ends (pidfd_open(2)); a child without one is ended.

    Args:
        module: the child's module.
        child: the child.

    Raises:
        WorkerError: there are too many open files.
    """
    process, channel = child
    try:
        return os.pidfd_open(process.pid)
    except OSError as error:
        process.kill()
        channel.close()
        raise WorkerError(f"cannot watch a process for {module}: {error.strerror}") from error


def is_readable(channel: socket.socket) -> bool:
    """Return whether there is something to read, or the other end is closed."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    return bool(poll.poll(0))
