"""Disks in files, and what a power cut would leave on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from system.commands import run

_BYTES = 64 << 20


def make_disk(image: Path) -> None:
    """Make an empty ext4 in a file."""
    with image.open("wb") as file:
        file.truncate(_BYTES)
    run(["mkfs.ext4", "-q", "-m", "0", str(image)])


@contextmanager
def mounted(image: Path, folder: Path, *options: str) -> Iterator[Path]:
    """Mount a disk at a new folder."""
    folder.mkdir()
    run(["mount", "-o", ",".join(("loop", *options)), str(image), str(folder)])
    try:
        yield folder
    finally:
        run(["umount", str(folder)])
