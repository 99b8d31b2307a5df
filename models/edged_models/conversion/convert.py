"""From something trained to a .tflite of 32-bit floats."""

from edged_models.conversion.metadata import attach
from edged_models.conversion.source import Precision, Source


def convert(source: Source) -> bytes:
    """The float32 .tflite of a source, with its card attached; the same source gives the same bytes.

    Raises:
        SourceError: TensorFlow cannot convert it.
    """
    return attach(source.written(Precision.FLOAT32), source.card)
