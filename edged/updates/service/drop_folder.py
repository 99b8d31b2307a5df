"""The drop folder: each bundle that is put there is installed once, and its file removed at the end of its deployment.

Anything can lie in such a folder. What cannot be installed is left alone, and told in the condition `drop_folder`; it never keeps another
bundle from its turn.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from edged.updates.rules.source import find_source_problem

SUFFIX = ".edgem"
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_MAX_PROBLEMS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _FileState:
    """What changes when a file is replaced or written to."""

    inode: int
    size_bytes: int
    modified_ns: int


class _UnusableFileError(Exception):
    """A file cannot be installed as it is; the message says why."""


class DropFolder:
    """Gives each bundle once, and removes its file at the end of its deployment."""

    def __init__(self, folder: Path) -> None:
        """Use this folder; it need not exist."""
        self._folder = folder
        self._seen: dict[str, _FileState] = {}
        """Each file as it was at the last look."""
        self._taken: dict[str, _FileState] = {}
        """Each bundle that was given, because a file that cannot be removed must not be given again."""
        self._unremovable: dict[str, str] = {}
        self.problem: str | None = None
        """What in the folder cannot be installed, and why; None if everything can."""
        self.is_settling = False
        """True if a bundle was new or had changed at the last look: another look soon decides."""

    def take_next_bundle(self) -> Path | None:
        """Return the next new bundle, or None.

        A file counts as complete once its name does not begin with a dot, and it has not changed since the last look.
        """
        try:
            names = sorted(filter(_is_bundle_name, os.listdir(self._folder)))  # noqa: PTH208 (names that are no UTF-8, too)
        except FileNotFoundError:
            names = []
        except OSError as error:
            self.problem = f"{self._folder}: cannot be listed: {error.strerror}"
            return None
        bundle, problems, self.is_settling = None, [], False
        seen, self._seen = self._seen, {}
        for name in names:
            try:
                if self._inspect(name, seen.get(name)) and bundle is None:
                    bundle = name
            except (OSError, _UnusableFileError) as error:
                problems.append(f"{name}: {getattr(error, 'strerror', None) or error}")
        self._taken = {name: state for name, state in self._taken.items() if name in self._seen}
        self._unremovable = {n: why for n, why in self._unremovable.items() if n in self._taken}
        self.problem = self._describe([*problems, *self._unremovable.values()])
        if bundle is None:
            return None
        self._taken[bundle] = self._seen[bundle]
        return self._folder / bundle

    def give_again(self, bundle: Path) -> None:
        """Give this bundle again at the next look: its deployment could not be recorded."""
        self._taken.pop(bundle.name, None)

    def remove_bundle(self, source: str) -> None:
        """Remove the file of a deployment that has ended, if it came from this folder and is still the same."""
        path = Path(source)
        taken = self._taken.get(path.name)
        if path.parent != self._folder or path.suffix != SUFFIX:
            return
        try:
            if taken is None or _read_state(path) == taken:
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._unremovable[path.name] = f"{path.name}: cannot be removed: {error.strerror}"

    def _inspect(self, name: str, before: _FileState | None) -> bool:
        """Note the state of a file; return whether it is a new bundle that is complete.

        Raises:
            _UnusableFileError: it cannot be installed.
            OSError: it cannot be read.
        """
        path = self._folder / name
        state = self._seen[name] = _read_state(path)
        if self._taken.get(name) == state:
            return False
        if problem := find_source_problem(str(path)):
            raise _UnusableFileError(f"{problem}; rename it")
        if before != state:
            self.is_settling = True
            return False
        if not state.size_bytes:
            raise _UnusableFileError("it is empty")
        from edged.updates.bundle.archive import (
            is_cut_off,  # tarfile: no part of the daemon's start
        )

        with path.open("rb") as file:
            if is_cut_off(file, state.size_bytes):
                raise _UnusableFileError(
                    "it ends too early: it is still being copied, or the copy was interrupted"
                )
        return True

    def _describe(self, problems: list[str]) -> str | None:
        if not problems:
            return None
        shown = "; ".join(problems[:_MAX_PROBLEMS_SHOWN])
        hidden = len(problems) - _MAX_PROBLEMS_SHOWN
        more = f"; and {hidden} more" if hidden > 0 else ""
        return f"not installed from {self._folder}: {shown}{more}".encode(errors="replace").decode()


def _is_bundle_name(name: str) -> bool:
    return name.endswith(SUFFIX) and not name.startswith(".")


def _read_state(path: Path) -> _FileState:
    """Return the state of a regular file.

    Raises:
        _UnusableFileError: it is something else.
        OSError: it cannot be read.
    """
    if path.is_symlink() and not path.exists():
        raise _UnusableFileError("it is a link to a file that does not exist")
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise _UnusableFileError(f"it is {kind}, and not a file")
    return _FileState(status.st_ino, status.st_size, status.st_mtime_ns)
