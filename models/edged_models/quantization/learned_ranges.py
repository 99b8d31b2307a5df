"""Conversion of networks that were trained quantisation-aware, and need no calibration."""

from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.flatbuffer import pack_model, unpack_model
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import ModelSource, Precision
from edged_models.conversion.suppress_stderr import suppress_stderr
from edged_models.quantization.scheme import IoType
from edged_models.quantization.tensorflow_engine import TF_TYPES, output_type
from edged_models.tensorflow import modify_model_io_type


def quantize_learned_ranges(source: ModelSource, io: IoType) -> bytes:
    """Convert a source with learned ranges to int8, without metadata.

    Raises:
        SourceError: TensorFlow cannot convert the model.
    """
    model = source.to_tflite(Precision.LEARNED_RANGES)
    with suppress_stderr():
        typed = modify_model_io_type(model, TF_TYPES[io], output_type(unpack_model(model), io))
    tree = unpack_model(bytes(typed))
    if io is IoType.UINT8:
        _set_pixel_scale(tree, source.metadata)
    return pack_model(tree)


def _set_pixel_scale(tree: schema.ModelT, metadata: ModelMetadata) -> None:
    """Set the scale of a uint8 input to that of pixels: a learned range ends near 0 and 255, and the daemon does not rescale.

    The input's QUANTIZE op converts from this scale to the learned one.
    """
    if len(metadata.mean) == len(metadata.std) == 1:
        graph = tree.subgraphs[0]
        scaling = graph.tensors[graph.inputs[0]].quantization
        scaling.scale, scaling.zeroPoint = [1 / metadata.std[0]], [round(metadata.mean[0])]
