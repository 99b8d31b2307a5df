"""The header of a Keras file, read without Keras: which Keras wrote it, and its layers."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from edged_models.errors import SourceError

_OLDEST_VERSION = "2"
"""Keras 1 did not write its version into every file, and Keras 2 reads those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasArchive:
    """A Keras file that has not been loaded.

    Attributes:
        path: the file.
        version: version of the Keras that wrote it, as ``3.15.1``.
        config: the layers and their options: JSON as Python values.
    """

    path: Path
    version: str
    config: Any

    @property
    def is_keras_3(self) -> bool:
        """True if Keras 3 or a later one wrote it."""
        major = self.version.partition(".")[0]
        return major.isdigit() and int(major) >= 3  # noqa: PLR2004  # named


def read_keras_archive(path: Path) -> KerasArchive:
    """Read a Keras file's version and layers; its weights are not read, and nothing in it is executed.

    Args:
        path: a ``.keras`` (a zip) or an HDF5 file.

    Raises:
        SourceError: there is no such file, it is neither, or it has no layers.
    """
    if not path.is_file():
        raise SourceError(f"cannot read {path}: there is no such file")
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        if h5py.is_hdf5(path):
            return _read_hdf5(path)
    except (OSError, RuntimeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} is damaged: {error}") from error
    raise SourceError(f"{path} cannot be read as a Keras file: it is neither a .keras zip nor HDF5")


def _read_zip(path: Path) -> KerasArchive:
    with zipfile.ZipFile(path) as archive:
        if "config.json" not in archive.namelist():
            raise SourceError(f"{path} cannot be read as a Keras file: the zip has no config.json")
        config = json.loads(archive.read("config.json"))
        metadata = json.loads(archive.read("metadata.json"))
    return KerasArchive(
        path=path, version=str(metadata.get("keras_version", _OLDEST_VERSION)), config=config
    )


def _read_hdf5(path: Path) -> KerasArchive:
    with h5py.File(path, "r") as file:
        config, version = file.attrs.get("model_config"), file.attrs.get("keras_version")
    if config is None:
        raise SourceError(
            f"{path} has weights only: save the whole model with model.save(), or name a function that builds it and loads them, "
            "as file.py:function"
        )
    return KerasArchive(
        path=path, version=_as_text(version or _OLDEST_VERSION), config=json.loads(config)
    )


def _as_text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
