"""Real models, pictures and clips, which are not in the repository."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def data_file(relative: str) -> Path:
    """Return the path of one file, or skip the test where there is no such file."""
    root = Path(os.environ.get("EDGED_TEST_DATA") or _ROOT.parent / "shared" / "data")
    path = root / relative
    if not path.exists():
        pytest.skip(f"no test data at {path}: set EDGED_TEST_DATA to a folder that has {relative}")
    return path
