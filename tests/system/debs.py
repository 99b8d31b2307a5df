"""The Debian packages that were built, and others like them."""

import os
from pathlib import Path

import pytest

import edged
from system.commands import run

_DIST = Path(__file__).parents[2] / "dist"
_INIT = "opt/edged/lib/python*/site-packages/edged/__init__.py"


def built(release: str, architecture: str = "amd64") -> Path:
    """The package that `make debs` made; skips where there is none."""
    folder = Path(os.environ.get("EDGED_PACKAGES") or _DIST)
    deb = folder / f"edged_{edged.__version__}~{release}_{architecture}.deb"
    if not deb.exists():
        pytest.skip(f"{deb} is not there: make debs")
    return deb


def renumbered(deb: Path, version: str, folder: Path) -> Path:
    """The same as another version: in dpkg's eyes, and in its own."""
    release = deb.stem.split("~")[1]
    tree, other = folder / version, folder / f"edged_{version}~{release}.deb"
    run(["dpkg-deb", "--raw-extract", str(deb), str(tree)])
    control = tree / "DEBIAN/control"
    control.write_text(
        control.read_text().replace(f"\nVersion: {edged.__version__}~", f"\nVersion: {version}~")
    )
    [init] = tree.glob(_INIT)
    init.write_text(init.read_text().replace(edged.__version__, version))
    run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(other)])
    run(["rm", "-r", str(tree)])
    return other
