"""Where hard examples come from: a folder on this machine, or a device that is reached by ssh."""

import shlex
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Protocol, cast

from msgspec import Struct

from edged.terminal.escape import one_line
from edged_models.errors import ToolError

MAX_EXAMPLE_BYTES = 64 << 20
_CONNECT_TIMEOUT_S = 10
_ALIVE_INTERVAL_S = 15
_LIST_TIMEOUT_S = 60
_SSH_FAILED = 255
"""ssh's own exit status; others are those of the command on the device."""


class ExampleSource(Protocol):
    """A place with hard examples, one JPEG each."""

    def list_names(self) -> list[str]:
        """Return the names of its files.

        Raises:
            ToolError: it cannot be read.
        """

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the names and contents of files; one that is gone meanwhile is left out.

        Raises:
            ToolError: it cannot be read.
        """


class LocalFolder(Struct, frozen=True):
    """A folder on this machine: of a card that is mounted here, or copied by another program.

    Attributes:
        path: the folder.
    """

    path: Path

    def list_names(self) -> list[str]:
        """Return the names of its files; see `ExampleSource`."""
        try:
            return sorted(one.name for one in self.path.iterdir() if one.is_file())
        except OSError as error:
            raise ToolError(f"cannot read {self.path}: {error.strerror or error}") from error

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the names and contents of files; see `ExampleSource`."""
        for name in names:
            path = self.path / name
            try:
                if path.stat().st_size <= MAX_EXAMPLE_BYTES:
                    yield name, path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise ToolError(f"cannot read {path}: {error.strerror or error}") from error


class SshDevice(Struct, frozen=True, kw_only=True):
    """A device that ssh reaches without asking for a password; it needs find and tar, as Debian has them.

    Attributes:
        host: the destination as ssh takes it.
        folder: the folder on the device.
        uses_sudo: read the folder as root, by sudo without a password.
    """

    host: str
    folder: str
    uses_sudo: bool

    def list_names(self) -> list[str]:
        """Return the names of its files; see `ExampleSource`."""
        command = ["find", self.folder, "-maxdepth", "1", "-type", "f", "-printf", "%f\\n"]
        try:
            finished = subprocess.run(
                self._make_call(command),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_LIST_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"{self.host} does not answer within {_LIST_TIMEOUT_S} s") from error
        self._check(finished.returncode, finished.stderr)
        return sorted(finished.stdout.decode(errors="replace").splitlines())

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the names and contents of files; see `ExampleSource`."""
        command = [
            "tar",
            "-C",
            self.folder,
            "--ignore-failed-read",
            "--null",
            "-cf",
            "-",
            "-T",
            "-",
        ]
        with TemporaryFile() as wanted, TemporaryFile() as errors:
            wanted.write(b"\0".join(name.encode() for name in names))
            wanted.seek(0)
            with _running(self._make_call(command), wanted, errors) as process:
                yield from _read_archive(cast("IO[bytes]", process.stdout), self.host)
                status = process.wait()
            errors.seek(0)
            self._check(status, errors.read())

    def _make_call(self, command: Sequence[str]) -> list[str]:
        ssh = shutil.which("ssh")
        if ssh is None:
            raise ToolError("ssh is not installed: install openssh-client, or give a folder")
        options = (
            "BatchMode=yes",
            f"ConnectTimeout={_CONNECT_TIMEOUT_S}",
            f"ServerAliveInterval={_ALIVE_INTERVAL_S}",
        )
        prefix = ["sudo", "-n"] if self.uses_sudo else []
        remote = shlex.join([*prefix, *command])
        return [ssh, *(f"-o{option}" for option in options), "--", self.host, remote]

    def _check(self, status: int, errors: bytes) -> None:
        if not status:
            return
        lines = errors.decode(errors="replace").strip().splitlines()
        last = one_line(lines[-1]) if lines else f"exit status {status}"
        remedy = f"{self.folder} is where [collect] keeps them, and reading it takes root (--sudo) or the user edged"
        if status == _SSH_FAILED:
            remedy = "ssh must reach it without a password: try `ssh -o BatchMode=yes HOST true`"
        raise ToolError(f"{self.host}: {last}; {remedy}")


def open_source(place: str, *, folder: str, uses_sudo: bool) -> ExampleSource:
    """Return the source that an argument names; nothing is opened yet.

    Args:
        place: a folder of this machine, or a destination of ssh.
        folder: the folder on a device.
        uses_sudo: read that as root.

    Raises:
        ToolError: it is neither.
    """
    if place and Path(place).is_dir():
        return LocalFolder(Path(place))
    if not place or place.startswith("-") or "/" in place or any(c.isspace() for c in place):
        raise ToolError(f"{one_line(place)!r} is neither a folder nor a host for ssh")
    return SshDevice(host=place, folder=folder, uses_sudo=uses_sudo)


@contextmanager
def _running(
    call: list[str], wanted: IO[bytes], errors: IO[bytes]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Yield a process that ends with the block, however that ends."""
    process = subprocess.Popen(call, stdin=wanted, stdout=subprocess.PIPE, stderr=errors)
    try:
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
    except OSError as error:
        raise ToolError(f"cannot run {call[0]}: {error.strerror or error}") from error


def _read_archive(stream: IO[bytes], host: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an archive. Nothing is unpacked: a device is not trusted with paths."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None and member.size <= MAX_EXAMPLE_BYTES:
                    yield member.name, file.read()
    except tarfile.ReadError as error:
        if str(error) != "empty file":  # the exit status says why
            raise ToolError(f"{host}: what it sent is cut off or no archive: {error}") from error
