"""Opening of the model to convert. Each kind of source is a module in `kinds` and a line in the table here."""

from collections.abc import Callable
from importlib import import_module

from edged_models.conversion.source import ModelSource
from edged_models.detector.graph import DetectorHead
from edged_models.errors import SourceError

_SOURCE_KINDS = ("checkpoint", "keras_file", "tflite_file", "saved_model", "function")
"""Modules with ``try_open(spec, head, side_px) -> ModelSource | None``; the first that does not return None is used."""


def open_source(
    spec: str, *, head: DetectorHead | None = None, side_px: int | None = None
) -> ModelSource:
    """Open a trained model.

    Args:
        spec: a checkpoint (.npz), a Keras file (.keras, .h5), a SavedModel's folder, a float32 .tflite, or a function as
            ``path/to/file.py:name`` or ``module:name``.
        head: outputs of a checkpoint; post-processed detections if None.
        side_px: side of the square input; the source's own if None.

    Raises:
        SourceError: the source does not exist or cannot be read, or `head` or `side_px` do not apply to it.
    """
    for kind in _SOURCE_KINDS:
        try_open: Callable[..., ModelSource | None] = import_module(
            f"edged_models.conversion.kinds.{kind}"
        ).try_open
        source = try_open(spec, head, side_px)
        if source is not None:
            return source
    raise SourceError(
        f"{spec} is none of these: a checkpoint (.npz), a Keras file (.keras, .h5), a SavedModel's folder, a .tflite, "
        "file.py:function, module:function"
    )
