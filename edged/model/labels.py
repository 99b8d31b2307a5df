"""The label list of a model: from the configuration or from the model file. No interpreter is needed."""

from pathlib import Path

from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.model.file.labels import read_label_file
from edged.model.refusal.message import shorten_name
from edged.types import FileMetadata

_MAX_NAMES_SHOWN = 4


def find_labels(settings: ModelSettings, metadata: FileMetadata, path: Path) -> tuple[str, ...]:
    """Return the labels of a model: those of the configuration, or those in its file; empty if there are none.

    Args:
        settings: the model's settings.
        metadata: the metadata in its file.
        path: its file, for the message.

    Raises:
        ModelError: the label file, or the list in the model file, cannot be read.
    """
    if is_configured(settings):
        return read_configured_labels(settings)
    if metadata.labels_fault:
        raise ModelError(
            f"the labels in {shorten_name(path.name)} cannot be read: {metadata.labels_fault}; set model.labels_file to a list of its classes"
        )
    return metadata.labels


def is_configured(settings: ModelSettings) -> bool:
    """Return whether the configuration names the labels, instead of leaving them to the model file."""
    return bool(settings.labels) or settings.labels_file is not None


def read_configured_labels(settings: ModelSettings) -> tuple[str, ...]:
    """Return the labels that the configuration names; empty if it leaves them to the model file.

    Raises:
        ModelError: the label file cannot be read.
    """
    if settings.labels or settings.labels_file is None:
        return settings.labels or ()
    return read_label_file(settings.labels_file)


def describe_label_source(settings: ModelSettings, metadata: FileMetadata) -> str:
    """Return where the labels are from, as the subject of a sentence."""
    if settings.labels:
        return f"the {len(settings.labels)} given labels"
    if settings.labels_file is not None:
        return f"the labels in {settings.labels_file}"
    return f"the embedded labels ({metadata.labels_file})"


def adapt_advice(settings: ModelSettings, clause: str) -> str:
    """Return a clause of `find_class_offset` with advice for the place where the labels are: nobody can edit the list in a model file."""
    if is_configured(settings):
        return clause
    return f"{clause.partition(': ')[0]}; set model.labels_file to the model's list"


def explain_missing_labels(metadata: FileMetadata) -> str | None:
    """Return a sentence that names the files in a model file, of which none was taken as its label list; None if it has none."""
    if not metadata.embedded:
        return None
    names = ", ".join(metadata.embedded[:_MAX_NAMES_SHOWN])
    more = ", ..." if len(metadata.embedded) > _MAX_NAMES_SHOWN else ""
    return f"none of the files in the model ({names}{more}) is a list of its labels"
