"""Conversion of a trained model to a quantised .tflite."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edged.model.tensor_values import make_value_table
from edged.types import InputSpec
from edged_models.conversion.calibration import (
    check_picture_count,
    encode_pictures,
    find_input_spec,
)
from edged_models.conversion.clustered_kernels import share_kernel_scales
from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.flatbuffer import pack_model, unpack_model
from edged_models.conversion.metadata import attach_metadata, copy_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.output_order import find_postprocess_outputs
from edged_models.conversion.source import ModelSource, Precision
from edged_models.conversion.suppress_stderr import suppress_stderr
from edged_models.errors import SourceError, ToolError
from edged_models.tensorflow import (
    Calibrator,
    add_intermediate_tensors,
    mlir_quantize,
    modify_model_io_type,
    tf,
)


class Scheme(StrEnum):
    """A quantisation scheme: the bits of weights and activations."""

    DYNAMIC = "dynamic"
    """8-bit weights, float32 activations: small, without calibration."""
    FLOAT16 = "float16"
    """16-bit weights, float32 computation: half the size, as accurate as float32."""
    INT8 = "int8"
    """8-bit weights and activations: smallest and fastest, and what the EdgeTPU needs."""
    INT16X8 = "int16x8"
    """8-bit weights, 16-bit activations: nearly as accurate as float32, and slow on most CPUs."""


class IoType(StrEnum):
    """Type of the model's input and outputs."""

    FLOAT = "float"
    INT8 = "int8"
    UINT8 = "uint8"


CALIBRATED_SCHEMES = (Scheme.INT8, Scheme.INT16X8)
"""Schemes that need pictures for calibration."""
_TF_TYPES = {IoType.FLOAT: tf.float32, IoType.INT8: tf.int8, IoType.UINT8: tf.uint8}


def quantize(
    source: ModelSource,
    *,
    scheme: Scheme,
    io: IoType | None = None,
    calibration: Iterable[NDArray[np.uint8]] = (),
    per_channel: bool = True,
) -> bytes:
    """Convert a source to a quantised .tflite with its metadata.

    The same source and pictures give the same bytes. Ops that have no 8-bit kernel stay float: `find_unquantized` lists them.

    Args:
        source: the model to convert.
        scheme: bits of weights and activations.
        io: type of input and outputs; if None, uint8 for int8 (pixels need no conversion then), else float.
        calibration: (H, W, 3) uint8, RGB, for int8 and int16x8. They are read once, and encoded as the daemon does it. A source
            with learned ranges does not need them for int8.
        per_channel: whether each channel of a weight has its own scale.

    Raises:
        SourceError: TensorFlow cannot quantise the model, or `io` does not apply to the scheme.
        PicturesError: there are fewer than `calibration.MIN_PICTURES` pictures.
    """
    io = io or (IoType.UINT8 if scheme is Scheme.INT8 else IoType.FLOAT)
    if scheme is not Scheme.INT8 and io is not IoType.FLOAT:
        raise SourceError(f"input and outputs of a {scheme} model are floats: {io} needs int8")
    if scheme not in CALIBRATED_SCHEMES:
        model = source.to_tflite(Precision(scheme.value), per_channel=per_channel)
        if scheme is Scheme.DYNAMIC and per_channel:
            model = share_kernel_scales(model, source.to_tflite(Precision.FLOAT32))
        return attach_metadata(model, source.metadata)
    if scheme is Scheme.INT8 and source.has_learned_ranges:
        return _quantize_learned_ranges(source, io)
    return _quantize_calibrated(source, calibration, scheme=scheme, io=io, per_channel=per_channel)


def _quantize_calibrated(
    source: ModelSource,
    calibration: Iterable[NDArray[np.uint8]],
    *,
    scheme: Scheme,
    io: IoType,
    per_channel: bool,
) -> bytes:
    plain = source.to_tflite(Precision.FLOAT32)
    with_metadata = attach_metadata(plain, source.metadata, source.name)
    spec = find_input_spec(with_metadata, source.name)
    tensors = partial(_count_tensors, encode_pictures(calibration, spec))
    try:
        if scheme is Scheme.INT8:
            quantized = _quantize_int8(plain, tensors, spec, io=io, per_channel=per_channel)
        else:
            quantized = _quantize_int16x8(plain, tensors, per_channel=per_channel)
    except ToolError:
        raise
    except (RuntimeError, ValueError) as error:
        raise SourceError(f"cannot quantise {source.name}: {summarize_error(error)}") from error
    return copy_metadata(with_metadata, share_kernel_scales(quantized, plain), source.name)


def _count_tensors(tensors: Iterable[NDArray[np.generic]]) -> Iterator[list[NDArray[np.generic]]]:
    count = 0
    for count, tensor in enumerate(tensors, start=1):  # noqa: B007  # used after the loop
        yield [tensor]
    check_picture_count(count)


def _quantize_int8(
    model: bytes,
    tensors: Callable[[], Iterator[list[NDArray[np.generic]]]],
    spec: InputSpec,
    *,
    io: IoType,
    per_channel: bool,
) -> bytes:
    calibrated = Calibrator(add_intermediate_tensors(model)).calibrate(tensors)
    tree = unpack_model(calibrated)
    graph = tree.subgraphs[0]
    # The input has the range of all pixel values, even if the pictures are never quite black or white: the daemon does not
    # rescale pixels.
    values = make_value_table(spec)
    ranges = graph.tensors[graph.inputs[0]].quantization
    ranges.min, ranges.max = [float(values.min())], [float(values.max())]
    with suppress_stderr():
        quantized = mlir_quantize(
            pack_model(tree),
            disable_per_channel=not per_channel,
            input_data_type=_TF_TYPES[io],
            output_data_type=_output_type(tree, io),
        )
    return bytes(quantized)


def _quantize_int16x8(
    model: bytes,
    tensors: Callable[[], Iterator[list[NDArray[np.generic]]]],
    *,
    per_channel: bool,
) -> bytes:
    calibrator = Calibrator(add_intermediate_tensors(model))
    quantized = calibrator.calibrate_and_quantize(
        tensors,
        input_type=tf.float32,
        output_type=tf.float32,
        allow_float=True,
        activations_type=tf.int16,
        bias_type=tf.int64,
        disable_per_channel=not per_channel,
    )
    return bytes(quantized)


def _quantize_learned_ranges(source: ModelSource, io: IoType) -> bytes:
    model = source.to_tflite(Precision.LEARNED_RANGES)
    with suppress_stderr():
        typed = modify_model_io_type(model, _TF_TYPES[io], _output_type(unpack_model(model), io))
    tree = unpack_model(bytes(typed))
    if io is IoType.UINT8:
        _set_pixel_scale(tree, source.metadata)
    return attach_metadata(pack_model(tree), source.metadata, source.name)


def _set_pixel_scale(tree: schema.ModelT, metadata: ModelMetadata) -> None:
    """Set the scale of a uint8 input to that of pixels: a learned range ends near 0 and 255, and the daemon does not rescale.

    The input's QUANTIZE op converts from this scale to the learned one.
    """
    if len(metadata.mean) == len(metadata.std) == 1:
        graph = tree.subgraphs[0]
        scaling = graph.tensors[graph.inputs[0]].quantization
        scaling.scale, scaling.zeroPoint = [1 / metadata.std[0]], [round(metadata.mean[0])]


def _output_type(tree: schema.ModelT, io: IoType) -> Any:
    """Return the type of the outputs; those of the detection post-process op are always floats."""
    return tf.float32 if find_postprocess_outputs(tree) else _TF_TYPES[io]
