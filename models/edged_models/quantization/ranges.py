"""Ranges of activations: those of the calibration pictures, found once for all engines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edged.model.tensor_values import make_value_table
from edged.types import InputSpec
from edged_models.conversion.calibration import check_picture_count
from edged_models.conversion.flatbuffer import pack_model, unpack_model

_MAX_SAMPLE = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedModel:
    """A float .tflite and the ranges of its activations.

    Attributes:
        name: for messages.
        model: the float .tflite.
        with_ranges: the same with the smallest and largest value of every activation, as TensorFlow's quantiser reads it.
        sample: some of the encoded pictures, evenly spread: (1, H, W, C) in the dtype of the input.
    """

    name: str
    model: bytes
    with_ranges: bytes
    sample: tuple[NDArray[np.generic], ...]


def calibrate(
    model: bytes, tensors: Iterable[NDArray[np.generic]], spec: InputSpec, *, name: str
) -> CalibratedModel:
    """Run a float model on the pictures, and note the ranges.

    Args:
        model: the float .tflite.
        tensors: the encoded pictures, (1, H, W, C) float32 or whatever the input's dtype is. They are read once.
        spec: the model's input.
        name: the model's, for messages.

    Raises:
        RuntimeError: TensorFlow cannot run the model.
        PicturesError: there are too few pictures.
    """
    from edged_models.tensorflow import Calibrator, add_intermediate_tensors

    sample: list[NDArray[np.generic]] = []
    feed = ([tensor] for tensor in _check_and_sample(tensors, sample))
    tree = unpack_model(Calibrator(add_intermediate_tensors(model)).calibrate(lambda: feed))
    graph = tree.subgraphs[0]
    # The input has the range of all pixel values, even if the pictures are never quite black or white: the daemon does not
    # rescale pixels.
    values = make_value_table(spec)
    ranges = graph.tensors[graph.inputs[0]].quantization
    ranges.min, ranges.max = [float(values.min())], [float(values.max())]
    return CalibratedModel(
        name=name, model=model, with_ranges=pack_model(tree), sample=tuple(sample)
    )


def _check_and_sample(
    tensors: Iterable[NDArray[np.generic]], sample: list[NDArray[np.generic]]
) -> Iterator[NDArray[np.generic]]:
    """Yield the tensors, collect at most `_MAX_SAMPLE` of them, and check their number at the end."""
    count, stride = 0, 1
    for tensor in tensors:
        if count % stride == 0:
            sample.append(tensor)
        if len(sample) > _MAX_SAMPLE:
            del sample[1::2]
            stride *= 2
        count += 1
        yield tensor
    check_picture_count(count)


def read_ranges(model: bytes) -> dict[str, tuple[float, float]]:
    """Return the smallest and largest value of each tensor of `CalibratedModel.with_ranges`, by its name."""
    graph = unpack_model(model).subgraphs[0]
    return {
        tensor.name.decode("utf-8", "replace"): (
            float(tensor.quantization.min[0]),
            float(tensor.quantization.max[0]),
        )
        for tensor in graph.tensors
        if _has_range(tensor)
    }


def _has_range(tensor: schema.TensorT) -> bool:
    ranges = tensor.quantization
    return ranges is not None and ranges.min is not None and len(ranges.min) == 1
