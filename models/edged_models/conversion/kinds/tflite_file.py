"""Float32 .tflite files as sources: some public models exist in no other form."""

from pathlib import Path
from typing import Any

from edged_models.conversion.flatbuffer import unpack_model
from edged_models.conversion.metadata import read_model_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import FileSource
from edged_models.conversion.source_options import SourceOptions
from edged_models.errors import SourceError

_EIGHT_BIT_TYPES = (3, 9)
"""uint8 and int8 in the schema's TensorType."""


def try_open(spec: str, options: SourceOptions) -> FileSource | None:
    """Open a file that ends in .tflite.

    Args:
        spec: path of the file.
        options: none of them applies.

    Returns:
        The source; None if the file is of another kind.

    Raises:
        SourceError: the file cannot be read, is quantised, or an option does not apply to it.
    """
    path = Path(spec)
    if path.suffix.lower() != ".tflite":
        return None
    options.refuse_signatures(path)
    options.refuse_custom(path)
    if options.head is not None or options.side_px is not None:
        raise SourceError(f"{path} has a fixed input and fixed outputs: omit --head and --side")
    try:
        model = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    return tflite_source(model, name=path.stem)


def tflite_source(model: bytes, *, name: str) -> FileSource:
    """Return a float32 .tflite in memory as a source.

    Raises:
        SourceError: the model is damaged, or is already quantised.
    """
    graph = unpack_model(model, name).subgraphs[0]
    quantized = [tensor for tensor in graph.tensors if _is_quantized(tensor)]
    if quantized:
        raise SourceError(
            f"{name} is already quantised ({len(quantized)} of its {len(graph.tensors)} tensors have 8 bits); "
            "give the model that it was made from"
        )
    metadata: ModelMetadata = read_model_metadata(model, name)
    return FileSource(name=name, metadata=metadata, model=model)


def _is_quantized(tensor: Any) -> bool:
    has_scale = tensor.quantization is not None and tensor.quantization.scale is not None
    return has_scale and tensor.type in _EIGHT_BIT_TYPES
