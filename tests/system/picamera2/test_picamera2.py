"""The picamera2 driver with the real picamera2 and Debian's real libcamera, whose virtual pipeline replaces a sensor.

The tests are in inside_root.py; this runs them in a Debian with both (build_root makes it), which is kept in ~/.cache/edged.
It is built from this host's package sources if EDGED_PICAMERA2=1 is set.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
_ROOT = _CACHE / "edged" / "picamera2-root"
_BUILD_S = 900
_TESTS_S = 180


@pytest.fixture
def root() -> Path:
    if os.geteuid() != 0:
        pytest.skip("only root can enter another Debian")
    if (_ROOT / ".ready").exists():
        return _ROOT
    if os.environ.get("EDGED_PICAMERA2") != "1":
        pytest.skip(f"no Debian with picamera2 at {_ROOT}; EDGED_PICAMERA2=1 builds one (1.1 GB)")
    if shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not installed, and is needed to build a Debian with picamera2")
    subprocess.run([_HERE / "build_root", _ROOT], check=True, timeout=_BUILD_S)
    return _ROOT


@pytest.mark.picamera2
@pytest.mark.timeout(_BUILD_S + _TESTS_S)
def test_the_driver_on_the_real_picamera2_and_libcamera(root: Path) -> None:
    pytest_there = ["/opt/picamera2/venv/bin/python", "-m", "pytest", "-q", "--timeout=60"]
    options = ["-p", "no:cacheprovider", "-c", "/dev/null", "--import-mode=importlib"]
    inside = _HERE.relative_to(_HERE.parents[2]) / "inside_root.py"
    done = subprocess.run(
        [_HERE / "in_root", root, *pytest_there, *options, str(inside)],
        capture_output=True,
        text=True,
        timeout=_TESTS_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
