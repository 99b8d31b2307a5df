"""TensorFlow's quantiser as an engine."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edged_models.conversion.calibration import check_picture_count
from edged_models.conversion.flatbuffer import unpack_model
from edged_models.conversion.output_order import find_postprocess_outputs
from edged_models.conversion.suppress_stderr import suppress_stderr
from edged_models.conversion.tflite_model import parse_model
from edged_models.quantization.layers import list_layers
from edged_models.quantization.ranges import CalibratedModel
from edged_models.quantization.recipe import Recipe
from edged_models.quantization.scheme import IoType
from edged_models.tensorflow import Calibrator, add_intermediate_tensors, mlir_quantize, tf

TF_TYPES = {IoType.FLOAT: tf.float32, IoType.INT8: tf.int8, IoType.UINT8: tf.uint8}


def quantize_int8(calibrated: CalibratedModel, recipe: Recipe) -> bytes:
    """Quantise weights and activations to 8 bits.

    An output that a float layer computes stays float, and with it all others: the quantiser has one type for all.

    Raises:
        RuntimeError: TensorFlow cannot quantise the model.
    """
    with suppress_stderr():
        quantized = mlir_quantize(
            calibrated.with_ranges,
            disable_per_channel=not recipe.per_channel,
            input_data_type=TF_TYPES[recipe.io],
            output_data_type=_output_type(calibrated.model, recipe),
            denylisted_nodes=set(recipe.float_layers) or None,
        )
    return bytes(quantized)


def _output_type(model: bytes, recipe: Recipe) -> Any:
    if recipe.float_layers:
        layers = list_layers(parse_model(model))
        if any(one.makes_output and one.name in recipe.float_layers for one in layers):
            return tf.float32
    return output_type(unpack_model(model), recipe.io)


def output_type(tree: schema.ModelT, io: IoType) -> Any:
    """Return TensorFlow's type of the outputs; those of the detection post-process op are always floats."""
    return tf.float32 if find_postprocess_outputs(tree) else TF_TYPES[io]


def quantize_int16x8(model: bytes, tensors: Iterable[NDArray[np.generic]], recipe: Recipe) -> bytes:
    """Quantise weights to 8 and activations to 16 bits.

    Args:
        model: the float .tflite.
        tensors: the encoded pictures, (1, H, W, C) float32 or whatever the input's dtype is. They are read once.
        recipe: without float layers.

    Raises:
        RuntimeError: TensorFlow cannot quantise the model.
        PicturesError: there are too few pictures.
    """
    quantized = Calibrator(add_intermediate_tensors(model)).calibrate_and_quantize(
        lambda: _count(tensors),
        input_type=tf.float32,
        output_type=tf.float32,
        allow_float=True,
        activations_type=tf.int16,
        bias_type=tf.int64,
        disable_per_channel=not recipe.per_channel,
    )
    return bytes(quantized)


def _count(tensors: Iterable[NDArray[np.generic]]) -> Iterator[list[NDArray[np.generic]]]:
    count = 0
    for count, tensor in enumerate(tensors, start=1):  # noqa: B007  # used after the loop
        yield [tensor]
    check_picture_count(count)
