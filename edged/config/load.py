"""From files to settings: read, lay over one another, validate; every problem at once, with its place."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edged.config.layers import ConfigLayers, read_layers
from edged.config.problems import InvalidConfigError, Problem
from edged.config.rules import find_warnings
from edged.config.settings import Settings
from edged.config.validate import read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration that can be used.

    Attributes:
        settings: what it says; all paths in it are absolute.
        warnings: what is allowed, but hardly meant.
        layers: the files it came from, and where in them each key stands.
    """

    settings: Settings
    warnings: tuple[Problem, ...]
    layers: ConfigLayers

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that were read, the main file first."""
        return self.layers.files


def load_config(path: Path, *, conf_d: Path | None = None) -> LoadedConfig:
    """Read and validate a configuration.

    Args:
        path: the main file. A relative path in the configuration, conf.d included, is looked for among the service's systemd
            credentials; if there is none of that name it starts at the main file's folder.
        conf_d: the folder of files that are laid over it; ``conf.d`` beside it if not given. It need not exist.

    Raises:
        InvalidConfigError: it cannot be used; with all problems, in the order of files and lines.
    """
    layers = read_layers(path, conf_d or path.parent / "conf.d")
    settings, faults = read_settings(layers.table, partial(_resolve_path, path.parent.absolute()))
    if faults:
        raise InvalidConfigError(layers.locate_problems(faults))
    warnings = layers.locate_problems(find_warnings(settings))
    return LoadedConfig(settings=settings, warnings=warnings, layers=layers)


def _resolve_path(folder: Path, path: str) -> Path:
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (credential := Path(credentials) / path).exists():
        return credential
    return folder / path
