"""Finds out what a bundle may ask of this host; nothing heavy is imported for it."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import edged
from edged.host.board import Board
from edged.host.files import LocalFileSystem
from edged.updates.rules.compatibility import HostInfo

_RUNTIME_PACKAGES = {"litert": "ai-edge-litert", "tflite": "tflite-runtime"}
_DPKG_STATUS = "var/lib/dpkg/status"
_EDGETPU_PACKAGE = "libedgetpu1-"


def detect_host(folder: Path, root: Path = Path("/")) -> HostInfo:
    """Look around.

    Args:
        folder: where the models are kept.
        root: of the file system; another place in tests.

    Raises:
        StoreError: the folder cannot be looked at.
    """
    board = Board(root)
    memory_mb = board.read_memory_mb()
    return HostInfo(
        edged_version=edged.__version__,
        runtimes={
            name: found
            for name in _RUNTIME_PACKAGES
            if (found := _installed_version(_RUNTIME_PACKAGES[name]))
        },
        architecture=platform.machine(),
        board=board.read_model(),
        edgetpu_runtime=_edgetpu_version(root / _DPKG_STATUS),
        free_bytes=LocalFileSystem().free_bytes(folder),
        memory_mb=int(memory_mb[0]) if memory_mb else 0,
    )


def _installed_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _edgetpu_version(dpkg_status: Path) -> str:
    """Of the Debian package that holds libedgetpu: the library itself would have to be loaded to be asked."""
    try:
        paragraphs = dpkg_status.read_text(errors="replace").split("\n\n")
    except OSError:
        return ""
    for paragraph in paragraphs:
        if paragraph.startswith(f"Package: {_EDGETPU_PACKAGE}"):
            fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
            if fields.get("Status", "").endswith(" installed"):
                return fields.get("Version", "")
    return ""
