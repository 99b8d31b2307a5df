"""The parent's side of the processes that build and evaluate variants: several at once, each for one package."""

import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from edged.ipc.child import describe_exit
from edged_models.compression.build_messages import BuildMessage, WorkPackage
from edged_models.conversion.suppress_stderr import suppress_stderr
from edged_models.errors import ToolError

_MEMORY_SETTINGS = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "1048576"}
"""Of the C library: freed memory is given back at once, because several networks are trained at the same time."""
_WORKER = "edged_models.compression.build_worker"


def start_server() -> None:
    """Start the server from which the processes are forked; it imports TensorFlow while this process goes on."""
    forkserver.set_forkserver_preload([_WORKER])
    with suppress_stderr(), _environment(_MEMORY_SETTINGS):
        forkserver.ensure_running()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables that are not set, for the children that are started in the block."""
    added = [name for name in variables if name not in os.environ]
    os.environ.update((name, variables[name]) for name in added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def run_packages(
    packages: Sequence[WorkPackage], *, processes: int, folder: Path
) -> Iterator[BuildMessage]:
    """Run packages, and yield the messages of their processes as they come.

    Args:
        packages: the packages, the longest first.
        processes: largest number of processes at a time.
        folder: folder for what the processes print.

    Raises:
        ToolError: a process ended before its package was done.
    """
    waiting = list(packages)
    running: list[_RunningPackage] = []
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                running.append(_start(waiting.pop(0), folder, number=len(waiting)))
            ready = wait([one.connection for one in running])
            for one in [one for one in running if one.connection in ready]:
                message = one.receive()
                if message is None:
                    running.remove(one)
                else:
                    yield message
    finally:
        for one in running:
            one.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunningPackage:
    """A process and its end of the pipe."""

    name: str
    process: BaseProcess
    connection: Connection
    log: Path

    def receive(self) -> BuildMessage | None:
        """Return the next message; None at the end of the process.

        Raises:
            ToolError: the process failed.
        """
        try:
            return msgspec.json.decode(self.connection.recv_bytes(), type=BuildMessage)
        except EOFError:
            self.process.join()
        self.connection.close()
        if self.process.exitcode:
            last_line = _read_last_line(self.log)
            exit_text = describe_exit(self.process.exitcode)
            raise ToolError(f"{self.name}: the build process {exit_text}: {last_line}")
        return None

    def stop(self) -> None:
        """End the process, if it has not ended."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _read_last_line(log: Path) -> str:
    try:
        return log.read_text(errors="replace").strip().rpartition("\n")[2]
    except OSError:
        return "it printed nothing"


def _start(package: WorkPackage, folder: Path, *, number: int) -> _RunningPackage:
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    log = folder / f"{number}.log"
    process = context.Process(
        target=_run_worker, args=(msgspec.json.encode(package), theirs, str(log)), daemon=True
    )
    process.start()
    theirs.close()
    name = package.works[0].job.name
    return _RunningPackage(name=name, process=process, connection=ours, log=log)


def _run_worker(package: bytes, connection: Connection, log: str) -> None:
    _redirect_output(log)
    # Imported here: it imports TensorFlow, which the parent does not need.
    from edged_models.compression.build_worker import run_package

    run_package(package, connection)


def _redirect_output(log: str) -> None:
    """Write to a file what TensorFlow prints; the last line explains why a process has failed."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
