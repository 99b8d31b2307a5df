"""From something trained to a .tflite of 32-bit floats."""

from edged_models.conversion.metadata import attach_metadata
from edged_models.conversion.source import ModelSource, Precision


def convert(source: ModelSource) -> bytes:
    """The float32 .tflite of a source, with its card attached; the same source gives the same bytes.

    Raises:
        SourceError: TensorFlow cannot convert it.
    """
    return attach_metadata(source.to_tflite(Precision.FLOAT32), source.metadata)
