"""The recommended thresholds in a .tflite, which the daemon reads; the graph is not touched."""

import io
import zipfile
from collections.abc import Mapping

from edged.model.file.thresholds import THRESHOLDS_FILE, encode_thresholds, read_thresholds
from edged_models.conversion.associated_files import (
    append_associated_files,
    split_associated_files,
)


def attach_thresholds(
    model: bytes, thresholds: Mapping[str, float], name: str = "the model"
) -> bytes:
    """Replace the recommended thresholds of a .tflite; without any, they are removed.

    Args:
        model: the .tflite.
        thresholds: scores by label.
        name: the model's, for messages.

    Raises:
        SourceError: the model's archive is damaged.
        ModelError: a threshold is out of range.
    """
    graph, files = split_associated_files(model, name)
    files.pop(THRESHOLDS_FILE, None)
    if thresholds:
        files[THRESHOLDS_FILE] = encode_thresholds(dict(thresholds))
    return append_associated_files(graph, files)


def merge_thresholds(
    model: bytes, thresholds: Mapping[str, float], name: str = "the model"
) -> bytes:
    """Add recommended thresholds to a .tflite; those of other labels are kept.

    Args:
        model: the .tflite.
        thresholds: scores by label.
        name: the model's, for messages.

    Raises:
        SourceError: the model's archive is damaged.
        ModelError: a threshold is out of range, or those in the model cannot be read.
    """
    split_associated_files(model, name)
    stream, kept = io.BytesIO(model), {}
    if zipfile.is_zipfile(stream):
        with zipfile.ZipFile(stream) as archive:
            kept = read_thresholds(archive)
    return attach_thresholds(model, kept | dict(thresholds), name)
