"""Home Assistant in a Debian of its own, installed once and kept."""

import os
import shutil
from pathlib import Path

import pytest

from system.commands import run
from system.debian_images import DebianImage, cache_dir

RELEASES = {"trixie": "2026.2.3", "forky": "2026.11.0"}
"""Home Assistant's version by the Debian whose Python runs it: the last one for Python 3.13, and the newest one."""
PYTHON = "/ha/bin/python"
_ENTER = Path(__file__).with_name("enter")
_SCRIPTS = ("validate_discovery.py", "core_process.py", "list_requirements.py")
_PACKAGES = ("ca-certificates", "g++", "gcc", "libc6-dev", "python3", "python3-dev", "python3-venv")
_INSTALL_S = 1200.0
_INSTALL = """
set -e
export HOME=/root PIP_NO_CACHE_DIR=1
python3 -m venv /ha
/ha/bin/pip install --quiet --prefer-binary homeassistant=={version}
/ha/bin/python /mnt/list_requirements.py >/ha/requirements.txt
/ha/bin/pip install --quiet --prefer-binary -r /ha/requirements.txt
"""


class HomeAssistant:
    """An installation; its files are only read.

    Attributes:
        version: Home Assistant's version.
    """

    def __init__(self, release: str) -> None:
        """Install nothing yet: `layers` does.

        Args:
            release: Debian's release.
        """
        self.version = RELEASES[release]
        self._base = DebianImage(release, _PACKAGES, accepts_expired=True)

    def layers(self) -> str:
        """Return the layers of the file system, the upper one first; the first call makes them, in two minutes."""
        base = self._base.root_dir()
        layer = cache_dir() / f"home-assistant-{self.version}-{base.name}"
        if not layer.exists():
            part = layer.with_name(f"{layer.name}.{os.getpid()}.part")
            self._install(base, part)
            try:
                (part / "upper").rename(layer)
            except OSError:  # another process was faster
                if not layer.exists():
                    raise
            shutil.rmtree(part)
        return f"{layer}:{base}"

    def enter_argv(self, folder: Path) -> list[str]:
        """Return the words that precede a command which is to run in this installation.

        Args:
            folder: takes what the command writes.
        """
        mounted = folder / "upper/mnt"
        mounted.mkdir(parents=True, exist_ok=True)
        for script in _SCRIPTS:
            shutil.copy(_ENTER.with_name(script), mounted)
        return [str(_ENTER), self.layers(), str(folder)]

    def _install(self, base: Path, folder: Path) -> None:
        for file in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
            to = folder / "upper" / file
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(f"/{file}", to)
        (folder / "upper/mnt").mkdir()
        shutil.copy(_ENTER.with_name("list_requirements.py"), folder / "upper/mnt")
        script = _INSTALL.format(version=self.version)
        run([str(_ENTER), str(base), str(folder), "/bin/sh", "-c", script], timeout_s=_INSTALL_S)


def install_or_skip(release: str) -> HomeAssistant:
    """Return an installation; skip the test where it cannot be made, as without an index of Python packages."""
    installation = HomeAssistant(release)
    try:
        installation.layers()
    except (AssertionError, OSError) as error:
        pytest.skip(f"Home Assistant {installation.version} cannot be installed: {error}")
    return installation
