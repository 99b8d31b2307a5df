"""A package of the EdgeTPU's runtime, as an operator would provide it."""

from pathlib import Path

from support.edgetpu import build_simulator
from system.commands import run

_CONTROL = """\
Package: libedgetpu1-std
Version: 16.0~simulated
Architecture: amd64
Maintainer: The edged authors <edged@localhost>
Description: the runtime of an EdgeTPU, without a device
"""


def edgetpu_package(folder: Path) -> Path:
    """Make the package from the simulated delegate."""
    tree, deb = folder / "tree", folder / "libedgetpu1-std.deb"
    library = tree / "usr/lib/x86_64-linux-gnu/libedgetpu.so.1"
    library.parent.mkdir(parents=True)
    build_simulator(folder).rename(library)
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(_CONTROL)
    # The trigger updates the linker's cache.
    (tree / "DEBIAN/triggers").write_text("activate-noawait ldconfig\n")
    run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(deb)])
    return deb
