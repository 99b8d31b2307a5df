"""Detects the properties of this host that a bundle can require, without importing a runtime."""

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
    """Return the properties of this host.

    Args:
        folder: the model store's folder, whose free space counts.
        root: root of the file system; another folder in tests.

    Raises:
        StoreError: the folder cannot be read.
    """
    board = Board(root)
    memory = board.read_memory_mb()
    return HostInfo(
        edged_version=edged.__version__,
        runtimes=_find_runtimes(),
        architecture=platform.machine(),
        board=board.read_model(),
        edgetpu_runtime=_find_edgetpu_version(root / _DPKG_STATUS),
        free_bytes=LocalFileSystem().free_bytes(folder),
        memory_mb=int(memory[0]) if memory else 0,
    )


def _find_runtimes() -> dict[str, str]:
    versions = {name: _find_package_version(one) for name, one in _RUNTIME_PACKAGES.items()}
    return {name: found for name, found in versions.items() if found is not None}


def _find_package_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _find_edgetpu_version(dpkg_status: Path) -> str | None:
    """Return the version of the Debian package that holds libedgetpu: to read it from the library would mean to load that."""
    try:
        paragraphs = dpkg_status.read_text(errors="replace").split("\n\n")
    except OSError:
        return None
    for paragraph in paragraphs:
        if paragraph.startswith(f"Package: {_EDGETPU_PACKAGE}"):
            fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
            if fields.get("Status", "").endswith(" installed"):
                return fields.get("Version")
    return None
