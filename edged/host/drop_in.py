"""A file in conf.d that a command or a page of edged writes: durable, validated beforehand, with its last content kept beside it.

Other files are never touched. A drop-in can be read by whoever can read the main file.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edged.config.layers import ConfigLayers, read_layers
from edged.config.load import CONF_D, LoadedConfig, load_config
from edged.errors import ConfigError, StoreError
from edged.host.files import LocalFileSystem, replace_file
from edged.text import MAX_BYTES, TextError, decode_text

_KEPT_SUFFIX = ".bak"
"""Not .toml, so that it is not read as a part of the configuration."""


@dataclass(frozen=True, slots=True)
class DropIn:
    """A file of a given name in the conf.d of a configuration.

    Attributes:
        config: the main file.
        name: name of the drop-in, which ends in ``.toml``; files are read in the order of their names, and the last one has priority.
    """

    config: Path
    name: str

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.config.parent / CONF_D / self.name

    @property
    def kept_path(self) -> Path:
        """Where the content before the last change is kept."""
        return self.path.with_name(self.name + _KEPT_SUFFIX)

    def load(self, text: str | None) -> LoadedConfig:
        """Read and validate the configuration as it would be with this content; None for without the file.

        Raises:
            InvalidConfigError: it could not be used; with all problems.
        """
        return load_config(self.config, drafts={self.path: text})

    def read_others(self) -> ConfigLayers:
        """Read the other files of the configuration.

        Raises:
            InvalidConfigError: a file cannot be read, or is not TOML.
        """
        return read_layers(self.config, self.path.parent, drafts={self.path: None})

    def read(self) -> str | None:
        """Return the content; None if there is no file.

        Raises:
            ConfigError: it cannot be read.
        """
        files = LocalFileSystem()
        try:
            if not files.exists(self.path):
                return None
            return decode_text(files.read(self.path, MAX_BYTES))
        except (StoreError, TextError) as error:
            raise ConfigError(f"{self.path}: {error}") from None

    def write(self, text: str) -> bool:
        """Replace the content, and keep the one before; return False if it is the same already.

        Raises:
            InvalidConfigError: the configuration could not be used; nothing was written.
            ConfigError: the file cannot be written; the old one stays as it is.
        """
        self.load(text)
        before = self.read()
        if before == text:
            return False
        try:
            self._make_folder()
            if before is not None:
                self._replace(self.kept_path, before)
            self._replace(self.path, text)
        except (StoreError, OSError) as error:
            raise ConfigError(f"the configuration cannot be written: {error}") from error
        return True

    def _make_folder(self) -> None:
        folder = self.path.parent
        if folder.exists():
            return
        folder.mkdir(mode=0o755)
        # Whoever can read the main file can enter; systemd's service can write to neither.
        self._give_access(folder, of=self.config.parent)
        LocalFileSystem().sync_folder(folder.parent)

    def _replace(self, path: Path, text: str) -> None:
        files = _FilesWithRights(self.config, self._give_access)
        replace_file(files, path, text.encode())

    def _give_access(self, path: Path, of: Path) -> None:
        """Give a new file the mode, and as root the owner, of another one."""
        status = of.stat()
        path.chmod(stat.S_IMODE(status.st_mode))
        if os.geteuid() == 0:
            os.chown(path, status.st_uid, status.st_gid)


class _FilesWithRights(LocalFileSystem):
    """A file system whose new files have access rights before they get the name under which they are read."""

    def __init__(self, model: Path, give_access: Callable[[Path, Path], None]) -> None:
        self._model = model
        self._give_access = give_access

    def rename(self, old: Path, new: Path) -> None:
        """Give the new file its rights, then its name."""
        self._give_access(old, self._model)
        super().rename(old, new)
