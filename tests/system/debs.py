"""The Debian packages that were built, and variants of them."""

import functools
import os
from pathlib import Path

import pytest

import edged
from system.commands import run

_PROJECT = Path(__file__).parents[2]
_PACKED = ("edged", "deploy", "pyproject.toml")
_MTIME = slice(24, 36)
"""Of the first member of an ar archive, in its header."""
_SETTINGS = "usr/share/edged/edged.toml"
_INIT = "opt/edged/lib/python*/site-packages/edged/__init__.py"


def built_package(release: str, architecture: str = "amd64") -> Path:
    """Return the package that `make debs` made; skip the test without one, and fail if it is older than the sources."""
    folder = Path(os.environ.get("EDGED_PACKAGES") or _PROJECT / "dist")
    deb = folder / f"edged_{edged.__version__}~{release}_{architecture}.deb"
    if not deb.exists():
        pytest.skip(f"{deb} is not there: make debs")
    with deb.open("rb") as file:
        built_at = int(file.read(_MTIME.stop)[_MTIME])
    assert built_at >= _sources_changed_at(), f"{deb} is older than the sources: make debs"
    return deb


@functools.cache
def _sources_changed_at() -> int:
    """Return when the packed files were last committed."""
    git = ["git", "-C", str(_PROJECT), "log", "-1", "--format=%ct", "--", *_PACKED]
    return int(run(git, check=False).stdout or 0)


def repack_with_version(deb: Path, version: str, folder: Path) -> Path:
    """Make the same package with another version, for dpkg and for edged, and with another comment in its configuration."""
    release = deb.stem.split("~")[1]
    tree, other = folder / version, folder / f"edged_{version}~{release}.deb"
    run(["dpkg-deb", "--raw-extract", str(deb), str(tree)])
    control = tree / "DEBIAN/control"
    control.write_text(
        control.read_text().replace(f"\nVersion: {edged.__version__}~", f"\nVersion: {version}~")
    )
    [init] = tree.glob(_INIT)
    init.write_text(init.read_text().replace(edged.__version__, version))
    with (tree / _SETTINGS).open("a") as settings:
        settings.write(f"# As {version} has it.\n")
    run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(other)])
    run(["rm", "-r", str(tree)])
    return other
