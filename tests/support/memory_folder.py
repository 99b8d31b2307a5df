"""A folder in memory where there is one, for tests that are about content and not about fsync."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """Make a folder, in `tmp_path` if the host has no file system in memory, and delete it in the end."""
    shm = Path("/dev/shm")  # noqa: S108 (mkdtemp chooses the name)
    folder = Path(tempfile.mkdtemp(dir=shm if shm.is_dir() else tmp_path))
    yield folder
    shutil.rmtree(folder)
