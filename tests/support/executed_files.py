"""The files of edged in which functions were called, as the profile hook in `profile_hook/sitecustomize.py` records them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOOK = Path(__file__).with_name("profile_hook")


@dataclass(frozen=True, slots=True)
class ExecutedFiles:
    """The record of one process.

    Attributes:
        command: its command line.
        first_call_ns: monotonic time of the first call in each file, by path.
        calls: for each different outermost call of a root: its name, and the files beneath it in order.
    """

    command: str
    first_call_ns: Mapping[str, int]
    calls: tuple[tuple[str, tuple[str, ...]], ...]


def hook_environment(folder: Path, *roots: str) -> dict[str, str]:
    """Return the environment variables with which a process records its files in a folder.

    Args:
        folder: an existing folder.
        roots: functions, as ``module:qualname``, beneath which files are recorded for each call.
    """
    path = os.environ.get("PYTHONPATH", "")
    return {
        "PYTHONPATH": f"{HOOK}{os.pathsep}{path}" if path else str(HOOK),
        "EDGED_PROFILE_FILES": str(folder),
        "EDGED_PROFILE_UNDER": ",".join(roots),
    }


def read_executed_files(folder: Path) -> tuple[ExecutedFiles, ...]:
    """Read the records of all processes."""
    return tuple(_read(path) for path in sorted(folder.glob("*.txt")))


def in_call_order(processes: Iterable[ExecutedFiles]) -> list[str]:
    """Return the files of several processes, by their first call."""
    first: dict[str, int] = {}
    for process in processes:
        for path, at_ns in process.first_call_ns.items():
            first[path] = min(at_ns, first.get(path, at_ns))
    return sorted(first, key=first.__getitem__)


def _read(path: Path) -> ExecutedFiles:
    command, *lines = path.read_bytes().rstrip(b"\0").decode().splitlines()
    words: Sequence[list[str]] = [line.split(" ") for line in lines]
    return ExecutedFiles(
        command=command,
        first_call_ns={file: int(at) for at, file, *_ in words if at != "under"},
        calls=tuple((name, tuple(files)) for kind, name, *files in words if kind == "under"),
    )
