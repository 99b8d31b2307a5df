"""Putting a fetched model into use: the drop-in that names it, and what else in the configuration contradicts it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from edged.catalogue.catalogue import CatalogueEntry, ModelVariant
from edged.catalogue.fetch import FetchedFile
from edged.config.load import LoadedConfig
from edged.config.problems import KeyProblem
from edged.config.settings import ModelSettings
from edged.errors import CatalogueError
from edged.host.drop_in import DropIn

DROP_IN_NAME = "50-model.toml"
_FIRST_WORDS = "# Written by edged model fetch"
_EDGETPU_LIBRARY = "libedgetpu.so.1"
_OWN_KEYS = ("path", "sha256", "labels", "labels_file")
"""The settings that belong to one model file."""


class FetchedModel(Struct, frozen=True, kw_only=True):
    """A model of the catalogue whose files are on this device.

    Attributes:
        entry: the model in the catalogue.
        variant: which of its variants.
        files: the model file, and the file of its labels if there is one.
    """

    entry: CatalogueEntry
    variant: ModelVariant
    files: tuple[FetchedFile, ...]

    @property
    def path(self) -> Path:
        """The model file, absolute."""
        return self.files[0].path.absolute()

    @property
    def settings(self) -> ModelSettings:
        """The settings with which the model runs."""
        return ModelSettings(
            path=self.path,
            sha256=self.files[0].sha256,
            labels_file=self.files[1].path.absolute() if len(self.files) > 1 else None,
            delegate=_EDGETPU_LIBRARY if self.variant == "edgetpu" else None,
        )


def make_drop_in_text(model: FetchedModel, drop_in: DropIn) -> str:
    """Return the drop-in that puts a model into use; the labels for a camera are in it only if no other file sets ``detect.labels``.

    Raises:
        InvalidConfigError: another file of the configuration cannot be read.
        CatalogueError: there is a drop-in of this name that edged did not write.
    """
    before = drop_in.read()
    if before is not None and not before.startswith(_FIRST_WORDS):
        raise CatalogueError(
            f"{drop_in.path} was not written by edged, and is left as it is: rename it, then try again"
        )
    others = drop_in.read_others().table
    edgetpu_keys = () if _has_key(others, "model", "delegate") else ("delegate",)
    ending = "--use; it replaces this file. Without it, the model before is in use again."
    lines = [f"{_FIRST_WORDS} {model.entry.name} {ending}"]
    lines += ["[model]", *_format_settings(model.settings, (*_OWN_KEYS, *edgetpu_keys))]
    if model.entry.camera_labels and not _has_key(others, "detect", "labels"):
        lines += ["[detect]", f"labels = {_format_value(model.entry.camera_labels)}"]
    return "\n".join(lines) + "\n"


def find_contradictions(model: FetchedModel, loaded: LoadedConfig) -> Iterator[KeyProblem]:
    """Yield a problem for each setting of another file that belongs to another model, or has priority over the drop-in.

    Args:
        model: the model.
        loaded: the configuration with the drop-in.
    """
    wanted, merged = model.settings, loaded.settings.model
    for key in _OWN_KEYS:
        if getattr(merged, key) != getattr(wanted, key):
            message = f"it belongs to another model than {model.entry.name}"
            yield KeyProblem(key_path=("model", key), message=message, hint="remove this line")


def _has_key(table: object, *names: str) -> bool:
    for name in names:
        if not isinstance(table, dict) or name not in table:
            return False
        table = table[name]
    return True


def _format_settings(settings: ModelSettings, keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        value = getattr(settings, key)
        if value is not None:
            yield f"{key} = {_format_value(str(value))}"


def _format_value(value: str | Sequence[str]) -> str:
    """Return TOML: strings and arrays of strings are written as in JSON."""
    return json.dumps(value, ensure_ascii=False)
