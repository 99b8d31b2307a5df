"""Shared libraries that are compiled from C."""

import shutil
import subprocess
from pathlib import Path

import pytest


def compile_library(source: Path, library: Path) -> Path:
    """Compile one file, or skip the test where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip(f"no C compiler: {library.name} cannot be built")
    strict = ("-O2", "-Wall", "-Wextra", "-Werror")
    subprocess.run([compiler, *strict, "-shared", "-fPIC", "-o", library, source], check=True)
    return library
