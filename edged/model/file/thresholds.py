"""The thresholds that a model's maker recommends, one for each label: a file in the zip that is appended to the model.

The file is edged's own; TensorFlow Lite's metadata has one threshold for all labels. It can only raise the default: the worker cuts lower
scores off before it knows the model.
"""

from typing import Annotated
from zipfile import ZipFile

import msgspec
from msgspec import Meta

from edged.errors import ModelError, describe_error

THRESHOLDS_FILE = "edged_thresholds.json"
_MAX_BYTES = 64 << 10

Threshold = Annotated[float, Meta(ge=0.5, le=1.0)]


def read_thresholds(archive: ZipFile) -> dict[str, float]:
    """Read the thresholds by label from a model's zip; empty if it has none.

    Raises:
        ModelError: the file is damaged, or has a value out of range.
    """
    if THRESHOLDS_FILE not in archive.namelist():
        return {}
    if archive.getinfo(THRESHOLDS_FILE).file_size > _MAX_BYTES:
        raise _explain(f"it is larger than {_MAX_BYTES} bytes")
    try:
        return msgspec.json.decode(archive.read(THRESHOLDS_FILE), type=dict[str, Threshold])
    except Exception as error:
        # zipfile raises errors of many kinds for damaged entries.
        raise _explain(describe_error(error)) from error


def _explain(reason: str) -> ModelError:
    return ModelError(
        f"{THRESHOLDS_FILE} in the model cannot be read: {reason}; remove it from the model's zip, or make the model again"
    )


def encode_thresholds(thresholds: dict[str, float]) -> bytes:
    """Return the content of the file, the same for the same thresholds.

    Raises:
        ModelError: a value is out of range.
    """
    try:
        msgspec.convert(thresholds, dict[str, Threshold])
    except msgspec.ValidationError as error:
        raise ModelError(f"no thresholds: {error}") from error
    return msgspec.json.format(msgspec.json.encode(thresholds), indent=1) + b"\n"
