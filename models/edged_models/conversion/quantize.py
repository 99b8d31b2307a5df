"""From something trained to a .tflite of fewer bits."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edged.model.encode import make_value_table
from edged.types import InputSpec
from edged_models.conversion.calibration import (
    check_picture_count,
    encode_pictures,
    find_input_spec,
)
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
    """What is stored and computed with how many bits."""

    DYNAMIC = "dynamic"
    """Weights of 8 bits, activations of 32: smaller, no pictures needed."""
    FLOAT16 = "float16"
    """Weights of 16 bits, computed with 32: half the size, as good as float32."""
    INT8 = "int8"
    """Everything 8 bits: smallest, fastest, and what an EdgeTPU takes."""
    INT16X8 = "int16x8"
    """Weights of 8 bits, activations of 16: nearly float32's quality, and slow on most CPUs."""


class IoType(StrEnum):
    """The type of the model's input and outputs."""

    FLOAT = "float"
    INT8 = "int8"
    UINT8 = "uint8"


CALIBRATED_SCHEMES = (Scheme.INT8, Scheme.INT16X8)
"""Schemes that have to see pictures."""
_TF_TYPES = {IoType.FLOAT: tf.float32, IoType.INT8: tf.int8, IoType.UINT8: tf.uint8}


def quantize(
    source: ModelSource,
    *,
    scheme: Scheme,
    io: IoType | None = None,
    calibration: Iterable[NDArray[np.uint8]] = (),
    per_channel: bool = True,
) -> bytes:
    """The .tflite of a source with fewer bits, with its card attached.

    The same source and pictures give the same bytes. An op that cannot be had with 8 bits stays float: `leftovers` names it.

    Args:
        source: what to convert.
        scheme: how.
        io: type of input and outputs; for int8 uint8 if None, because then pixels are fed as they are, else float.
        calibration: (H, W, 3) uint8 RGB, read once, encoded as the daemon will do; for int8 and int16x8, but not where the
            source has learnt its ranges.
        per_channel: whether each channel of a weight has a scale of its own.

    Raises:
        SourceError: TensorFlow cannot do it, or `io` does not go with the scheme.
        PicturesError: there are fewer than `calibration.LEAST` pictures.
    """
    io = io or (IoType.UINT8 if scheme is Scheme.INT8 else IoType.FLOAT)
    if scheme is not Scheme.INT8 and io is not IoType.FLOAT:
        raise SourceError(f"a {scheme} model takes and gives floats: {io} goes with int8 only")
    if scheme not in CALIBRATED_SCHEMES:
        model = source.to_tflite(Precision(scheme.value), per_channel=per_channel)
        return attach_metadata(model, source.metadata)
    if scheme is Scheme.INT8 and source.has_learned_ranges:
        return _quantize_learned_ranges(source, io)
    plain = source.to_tflite(Precision.FLOAT32)
    whole = attach_metadata(plain, source.metadata, source.name)
    spec = find_input_spec(whole, source.name)
    tensors = partial(_count_tensors, encode_pictures(calibration, spec))
    try:
        if scheme is Scheme.INT8:
            small = _quantize_int8(plain, tensors, spec, io=io, per_channel=per_channel)
        else:
            small = _quantize_int16x8(plain, tensors, per_channel=per_channel)
    except ToolError:
        raise
    except (RuntimeError, ValueError) as error:
        raise SourceError(f"cannot quantise {source.name}: {summarize_error(error)}") from error
    return copy_metadata(whole, small, source.name)


def _count_tensors(tensors: Iterable[NDArray[np.generic]]) -> Iterator[list[NDArray[np.generic]]]:
    count = 0
    for count, tensor in enumerate(tensors, start=1):  # noqa: B007  # counted
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
    # Pictures that are never quite black or white must not narrow the input: the daemon feeds a pixel as it is.
    values = make_value_table(spec)
    ranges = graph.tensors[graph.inputs[0]].quantization
    ranges.min, ranges.max = [float(values.min())], [float(values.max())]
    with suppress_stderr():
        small = mlir_quantize(
            pack_model(tree),
            disable_per_channel=not per_channel,
            input_data_type=_TF_TYPES[io],
            output_data_type=_output_type(tree, io),
        )
    return bytes(small)


def _quantize_int16x8(
    model: bytes,
    tensors: Callable[[], Iterator[list[NDArray[np.generic]]]],
    *,
    per_channel: bool,
) -> bytes:
    calibrator = Calibrator(add_intermediate_tensors(model))
    small = calibrator.calibrate_and_quantize(
        tensors,
        input_type=tf.float32,
        output_type=tf.float32,
        allow_float=True,
        activations_type=tf.int16,
        bias_type=tf.int64,
        disable_per_channel=not per_channel,
    )
    return bytes(small)


def _quantize_learned_ranges(source: ModelSource, io: IoType) -> bytes:
    model = source.to_tflite(Precision.LEARNED_RANGES)
    with suppress_stderr():
        typed = modify_model_io_type(model, _TF_TYPES[io], _output_type(unpack_model(model), io))
    tree = unpack_model(bytes(typed))
    if io is IoType.UINT8:
        _set_pixel_scale(tree, source.metadata)
    return attach_metadata(pack_model(tree), source.metadata, source.name)


def _set_pixel_scale(tree: schema.ModelT, metadata: ModelMetadata) -> None:
    """Give a uint8 input the scale of pixels: a learnt range ends near 0 and 255, and the daemon feeds a pixel as it is.

    The input's QUANTIZE op turns the one scale into the other.
    """
    if len(metadata.mean) == len(metadata.std) == 1:
        graph = tree.subgraphs[0]
        scaling = graph.tensors[graph.inputs[0]].quantization
        scaling.scale, scaling.zeroPoint = [1 / metadata.std[0]], [round(metadata.mean[0])]


def _output_type(tree: schema.ModelT, io: IoType) -> Any:
    """The detection post-process op gives floats in any case."""
    return tf.float32 if find_postprocess_outputs(tree) else _TF_TYPES[io]
