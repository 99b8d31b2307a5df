"""Opening of the model to convert. Each kind of source is a module in `kinds` and a line in the table here."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from edged_models.conversion.source import ModelSource
from edged_models.conversion.source_options import SourceOptions
from edged_models.detector.graph import DetectorHead
from edged_models.errors import SourceError

_SOURCE_KINDS = ("checkpoint", "keras_file", "tflite_file", "saved_model", "function")
"""Modules with ``try_open(spec, options) -> ModelSource | None``; the first that does not return None is used."""


def open_source(
    spec: str,
    *,
    head: DetectorHead | None = None,
    side_px: int | None = None,
    signatures: Sequence[str] = (),
    all_signatures: bool = False,
    custom: Path | None = None,
    trust_code: bool = False,
) -> ModelSource:
    """Open a trained model.

    Args:
        spec: a checkpoint (.npz), a Keras file (.keras, .h5), a SavedModel's folder, a float32 .tflite, or a function, a module or
            a network as ``path/to/file.py:name`` or ``module:name``.
        head: outputs of a checkpoint; post-processed detections if None.
        side_px: side of the square input; the source's own if None.
        signatures: signatures to convert; the default one if empty.
        all_signatures: whether to convert all signatures.
        custom: a Python file that defines the classes that a Keras file uses.
        trust_code: whether Python code in a Keras file may be executed.

    Raises:
        SourceError: the source does not exist or cannot be read, or an option does not apply to it.
    """
    options = SourceOptions(
        head=head,
        side_px=side_px,
        signatures=tuple(signatures),
        all_signatures=all_signatures,
        custom=custom,
        trust_code=trust_code,
    )
    for kind in _SOURCE_KINDS:
        try_open: Callable[[str, SourceOptions], ModelSource | None] = import_module(
            f"edged_models.conversion.kinds.{kind}"
        ).try_open
        source = try_open(spec, options)
        if source is not None:
            return source
    raise SourceError(
        f"{spec} is none of these: a checkpoint (.npz), a Keras file (.keras, .h5), a SavedModel's folder, a .tflite, "
        "file.py:name, module:name"
    )
