"""From something trained to a .tflite of fewer bits."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edged.model.encode import value_table
from edged.types import InputSpec
from edged_models.conversion.calibration import check_enough, encoded, input_spec
from edged_models.conversion.card import Card
from edged_models.conversion.flatfile import put_together, taken_apart
from edged_models.conversion.gist import gist
from edged_models.conversion.metadata import attach, transplant
from edged_models.conversion.order import postprocessed
from edged_models.conversion.quiet import quiet
from edged_models.conversion.source import Precision, Source
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


class Io(StrEnum):
    """The type of the model's input and outputs."""

    FLOAT = "float"
    INT8 = "int8"
    UINT8 = "uint8"


CALIBRATED = (Scheme.INT8, Scheme.INT16X8)
"""Schemes that have to see pictures."""
_TYPES = {Io.FLOAT: tf.float32, Io.INT8: tf.int8, Io.UINT8: tf.uint8}


def quantize(
    source: Source,
    *,
    scheme: Scheme,
    io: Io | None = None,
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
    io = io or (Io.UINT8 if scheme is Scheme.INT8 else Io.FLOAT)
    if scheme is not Scheme.INT8 and io is not Io.FLOAT:
        raise SourceError(f"a {scheme} model takes and gives floats: {io} goes with int8 only")
    if scheme not in CALIBRATED:
        model = source.written(Precision(scheme.value), per_channel=per_channel)
        return attach(model, source.card)
    if scheme is Scheme.INT8 and source.learnt_ranges:
        return _of_learnt(source, io)
    plain = source.written(Precision.FLOAT32)
    whole = attach(plain, source.card, source.name)
    spec = input_spec(whole, source.name)
    tensors = partial(_counted, encoded(calibration, spec))
    try:
        if scheme is Scheme.INT8:
            small = _int8(plain, tensors, spec, io=io, per_channel=per_channel)
        else:
            small = _int16x8(plain, tensors, per_channel=per_channel)
    except ToolError:
        raise
    except (RuntimeError, ValueError) as error:
        raise SourceError(f"cannot quantise {source.name}: {gist(error)}") from error
    return transplant(whole, small, source.name)


def _counted(tensors: Iterable[NDArray[np.generic]]) -> Iterator[list[NDArray[np.generic]]]:
    count = 0
    for count, tensor in enumerate(tensors, start=1):  # noqa: B007  # counted
        yield [tensor]
    check_enough(count)


def _int8(
    model: bytes,
    tensors: Callable[[], Iterator[list[NDArray[np.generic]]]],
    spec: InputSpec,
    *,
    io: Io,
    per_channel: bool,
) -> bytes:
    calibrated = Calibrator(add_intermediate_tensors(model)).calibrate(tensors)
    tree = taken_apart(calibrated)
    graph = tree.subgraphs[0]
    # Pictures that are never quite black or white must not narrow the input: the daemon feeds a pixel as it is.
    values = value_table(spec)
    ranges = graph.tensors[graph.inputs[0]].quantization
    ranges.min, ranges.max = [float(values.min())], [float(values.max())]
    with quiet():
        small = mlir_quantize(
            put_together(tree),
            disable_per_channel=not per_channel,
            input_data_type=_TYPES[io],
            output_data_type=_output_type(tree, io),
        )
    return bytes(small)


def _int16x8(
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


def _of_learnt(source: Source, io: Io) -> bytes:
    model = source.written(Precision.LEARNT)
    with quiet():
        typed = modify_model_io_type(model, _TYPES[io], _output_type(taken_apart(model), io))
    tree = taken_apart(bytes(typed))
    if io is Io.UINT8:
        _take_pixels(tree, source.card)
    return attach(put_together(tree), source.card, source.name)


def _take_pixels(tree: schema.ModelT, card: Card) -> None:
    """Give a uint8 input the scale of pixels: a learnt range ends near 0 and 255, and the daemon feeds a pixel as it is.

    The input's QUANTIZE op turns the one scale into the other.
    """
    if len(card.mean) == len(card.std) == 1:
        graph = tree.subgraphs[0]
        scaling = graph.tensors[graph.inputs[0]].quantization
        scaling.scale, scaling.zeroPoint = [1 / card.std[0]], [round(card.mean[0])]


def _output_type(tree: schema.ModelT, io: Io) -> Any:
    """The detection post-process op gives floats in any case."""
    return tf.float32 if postprocessed(tree) else _TYPES[io]
