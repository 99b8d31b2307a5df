"""The folder in which bundles appear that are to be installed, as a playbook or a person copies them there."""

import logging
from pathlib import Path

_log = logging.getLogger(__name__)
SUFFIX = ".edgem"


class DropFolder:
    """Each bundle is taken once; when its deployment is over the file is removed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[tuple[str, int, int]] = set()
        """Name, size and time of what was taken: a file that cannot be removed is not taken again."""

    def take_next_bundle(self) -> Path | None:
        """A bundle that was not taken yet; None if there is none. Whoever copies one here gives it its name when it is whole."""
        try:
            entries = sorted(self._folder.glob(f"[!.]*{SUFFIX}"))
            for entry in entries:
                status = entry.stat()
                mark = (entry.name, status.st_size, status.st_mtime_ns)
                if mark not in self._taken:
                    self._taken.add(mark)
                    return entry
        except OSError as error:
            _log.warning("cannot look for bundles in %s: %s", self._folder, error.strerror)
        return None

    def remove_bundle(self, source: str) -> None:
        """The deployment of this source is over; if it came from here, its file goes."""
        path = Path(source)
        if path.parent != self._folder or path.suffix != SUFFIX:
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("cannot remove %s: %s", path, error.strerror)
