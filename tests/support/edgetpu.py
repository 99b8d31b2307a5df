"""Builds the delegate without a device, once a session."""

import shutil
import subprocess
from pathlib import Path

import pytest


def build_simulator(folder: Path) -> Path:
    """Compile edgetpu_sim.c into `folder`; skips, and says why, where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the EdgeTPU simulator cannot be built")
    library = folder / "libedgetpu_sim.so"
    source = Path(__file__).with_name("edgetpu_sim.c")
    subprocess.run(
        [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source],
        check=True,
    )
    return library
