"""The steps from files to settings: read, merge, validate; all problems are reported at once, with file and line."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from edged.config.layers import ConfigLayers, read_layers
from edged.config.problems import InvalidConfigError, Problem
from edged.config.rules import find_warnings
from edged.config.settings import Settings
from edged.config.validate import read_settings

CONF_D = "conf.d"
"""The folder beside the main file whose files are merged over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration that can be used.

    Attributes:
        settings: the settings; all paths in them are absolute.
        warnings: settings that are allowed, but probably not intended.
        layers: the files, merged, with the line of each key.
    """

    settings: Settings
    warnings: tuple[Problem, ...]
    layers: ConfigLayers

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were read, the main file first."""
        return self.layers.files


def load_config(
    path: Path,
    *,
    conf_d: Path | None = None,
    drafts: Mapping[Path, str | None] = MappingProxyType({}),
) -> LoadedConfig:
    """Read and validate a configuration.

    Args:
        path: the main file. A relative path in the configuration, conf.d included, names one of the service's systemd
            credentials, or, if there is none of that name, starts at the main file's folder.
        conf_d: the folder of files that are merged over it; ``conf.d`` beside it if not given. It need not exist.
        drafts: files in conf.d that are to be written, with their texts, which are read instead; None for one that is to be removed.

    Raises:
        InvalidConfigError: the configuration cannot be used; with all problems, sorted by file and line.
    """
    if not os.path.lexists(path):
        hint = "name the configuration by -c FILE"
        raise InvalidConfigError(
            [Problem(file=str(path), line=None, message="there is no such file", hint=hint)]
        )
    layers = read_layers(path, conf_d or path.parent / CONF_D, drafts=drafts)
    settings, problems = read_settings(layers.table, partial(_resolve_path, path.parent.absolute()))
    if problems:
        raise InvalidConfigError(layers.locate_problems(problems))
    warnings = layers.locate_problems(find_warnings(settings))
    return LoadedConfig(settings=settings, warnings=warnings, layers=layers)


def _resolve_path(folder: Path, path: str) -> Path:
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (credential := Path(credentials) / path).exists():
        return credential
    return folder / path
