"""Float32 .tflite files: all that is left of some public models."""

from pathlib import Path

from edged_models.conversion.flatbuffer import unpack_model
from edged_models.conversion.metadata import read_model_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import FileSource
from edged_models.detector.graph import DetectorHead
from edged_models.errors import SourceError

_EIGHT_BIT_TYPES = (3, 9)
"""uint8 and int8 in the schema's TensorType."""


def try_open(spec: str, head: DetectorHead | None, side_px: int | None) -> FileSource | None:
    """A file that ends in .tflite."""
    path = Path(spec)
    if path.suffix.lower() != ".tflite":
        return None
    if head is not None or side_px is not None:
        raise SourceError(f"{path} has the head and size that it has: leave --head and --side away")
    try:
        model = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    return tflite_source(model, name=path.stem)


def tflite_source(model: bytes, *, name: str) -> FileSource:
    """A float32 .tflite in memory.

    Raises:
        SourceError: it is damaged, or quantised already.
    """
    graph = unpack_model(model, name).subgraphs[0]
    quantised = [
        tensor
        for tensor in graph.tensors
        if tensor.type in _EIGHT_BIT_TYPES
        and tensor.quantization is not None
        and tensor.quantization.scale is not None
    ]
    if quantised:
        raise SourceError(
            f"{name} is quantised already ({len(quantised)} of its {len(graph.tensors)} tensors have 8 bits); "
            "give what it was made from"
        )
    card: ModelMetadata = read_model_metadata(model, name)
    return FileSource(name=name, metadata=card, model=model)
