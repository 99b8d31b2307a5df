"""Conversion of a trained model to a float32 .tflite."""

from edged_models.conversion.metadata import attach_metadata
from edged_models.conversion.source import ModelSource, Precision


def convert(source: ModelSource) -> bytes:
    """Convert a source to a float32 .tflite with its metadata; the same source gives the same bytes.

    Raises:
        SourceError: TensorFlow cannot convert the source.
    """
    return attach_metadata(source.to_tflite(Precision.FLOAT32), source.metadata)
