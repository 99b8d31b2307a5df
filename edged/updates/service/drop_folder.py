"""The folder into which a playbook or a person copies bundles that are to be installed."""

import logging
from pathlib import Path

_log = logging.getLogger(__name__)
SUFFIX = ".edgem"


class DropFolder:
    """Gives each bundle once, and removes its file at the end of its deployment."""

    def __init__(self, folder: Path) -> None:
        """Use this folder; it need not exist."""
        self._folder = folder
        self._taken: set[tuple[str, int, int]] = set()
        """Name, size and time of each bundle that was given, because a file that cannot be removed must not be given again."""

    def take_next_bundle(self) -> Path | None:
        """Return the next new bundle, or None. A file counts as complete once its name does not begin with a dot."""
        try:
            for path in sorted(self._folder.glob(f"[!.]*{SUFFIX}")):
                status = path.stat()
                key = (path.name, status.st_size, status.st_mtime_ns)
                if key not in self._taken:
                    self._taken.add(key)
                    return path
        except OSError as error:
            _log.warning("cannot list the bundles in %s: %s", self._folder, error.strerror)
        return None

    def remove_bundle(self, source: str) -> None:
        """Remove the file of a deployment that has ended, if it came from this folder."""
        path = Path(source)
        if path.parent != self._folder or path.suffix != SUFFIX:
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("cannot remove %s: %s", path, error.strerror)
