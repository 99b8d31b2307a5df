"""A profile hook for the processes of edged: it records in which files functions are called.

Python imports this module at its start if its folder is in PYTHONPATH. With `EDGED_PROFILE_FILES` = FOLDER, each process writes
FOLDER/PID.txt: its command line, and a line ``TIME_NS FILE`` (monotonic) for each file of edged, at the first call of one of its functions.
With `EDGED_PROFILE_UNDER` = ``MODULE:QUALNAME,…`` there is also a line ``under MODULE:QUALNAME FILE FILE…`` for the outermost calls of these
functions: the files in which functions were called beneath each, in order. Equal lines are written once. Calls during an import do not count.

`support.executed_files` reads what this writes. The file is mapped into memory: a process that may not write files any more, as the self-test
process, still records, and a process that is killed leaves what it has recorded.
"""

import mmap
import os
import sys
import threading
import time
from collections.abc import Iterable
from types import CodeType, FrameType

_FILE_BYTES = 1 << 20
_FUNCTION = 0x1
"""CO_OPTIMIZED: the code of a function, not of a module or a class body."""


class FileRecorder:
    """Records the files of edged in which functions are called, in a file of this process.

    Args:
        folder: folder of the file.
        roots: functions, as ``module:qualname``, beneath which files are recorded for each call.
    """

    def __init__(self, folder: str, roots: Iterable[str]) -> None:
        self._roots = frozenset(roots)
        self._codes: set[CodeType] = set()
        self._files: set[str] = set()
        self._lines: set[str] = set()
        self._calls = threading.local()
        self._lock = threading.Lock()
        path = os.path.join(folder, f"{os.getpid()}.txt")  # noqa: PTH118 - pathlib takes as long to import as all this
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        os.ftruncate(descriptor, _FILE_BYTES)
        self._memory = mmap.mmap(descriptor, _FILE_BYTES)
        os.close(descriptor)
        self._end = 0
        self._write(" ".join(sys.orig_argv))

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """Take an event, as `sys.setprofile` hands it over."""
        if event == "call":
            self._on_call(frame)
        elif event == "return" and getattr(self._calls, "root", None) is frame:
            self._end_root()

    def _on_call(self, frame: FrameType) -> None:
        code = frame.f_code
        root = getattr(self._calls, "root", None)
        if root is None and code in self._codes and not self._roots:
            return
        module = frame.f_globals.get("__name__", "")
        if not module.startswith("edged") and module != "__main__":
            return
        if not code.co_flags & _FUNCTION or not code.co_filename.endswith(".py"):
            return
        if root is None and f"{module}:{code.co_qualname}" in self._roots:
            self._calls.root, self._calls.name = frame, f"{module}:{code.co_qualname}"
            self._calls.codes, self._calls.files = set(), {}
            root = frame
        seen = code in self._codes and (root is None or code in self._calls.codes)
        if seen or _is_importing(frame):
            return
        self._record(code, _relative_path(frame))
        if root is not None:
            self._calls.codes.add(code)
            self._calls.files[_relative_path(frame)] = None

    def _record(self, code: CodeType, path: str) -> None:
        self._codes.add(code)
        if path not in self._files:
            self._files.add(path)
            self._write(f"{time.monotonic_ns()} {path}")

    def _end_root(self) -> None:
        self._calls.root = None
        line = f"under {self._calls.name} {' '.join(self._calls.files)}"
        if line not in self._lines:
            self._lines.add(line)
            self._write(line)

    def _write(self, line: str) -> None:
        content = f"{line}\n".encode()
        with self._lock:
            begin, self._end = self._end, self._end + len(content)
        if self._end <= _FILE_BYTES:
            self._memory[begin : self._end] = content


def _is_importing(frame: FrameType) -> bool:
    """Return whether a module's top level is below a frame, other than the program's own."""
    below: FrameType | None = frame
    while below is not None:
        if below.f_code.co_name == "<module>" and below.f_globals.get("__name__") != "__main__":
            return True
        below = below.f_back
    return False


def _relative_path(frame: FrameType) -> str:
    """Return a file's path from the folder that holds the package edged."""
    path = frame.f_code.co_filename
    return path[path.rindex("/edged/") + 1 :] if "/edged/" in path else path


if "EDGED_PROFILE_FILES" in os.environ:
    _recorder = FileRecorder(
        os.environ["EDGED_PROFILE_FILES"],
        filter(None, os.environ.get("EDGED_PROFILE_UNDER", "").split(",")),
    )
    threading.setprofile(_recorder.profile)
    sys.setprofile(_recorder.profile)
