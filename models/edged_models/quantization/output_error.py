"""Error of a quantised model's outputs, against those of the float model on the same pictures."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edged.types import F32
from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.flatbuffer import pack_model, unpack_model
from edged_models.conversion.output_order import find_postprocess_outputs
from edged_models.errors import SourceError

_NO_VALUE = 1e-9
"""Below it, a slice of an output is zero: its error has no scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Error and latency of a model on the sample.

    Attributes:
        error: 0 for equal outputs, 1 for ones that have nothing in common; see `OutputReference`.
        latency_ms: median CPU milliseconds of an invocation with ai-edge-litert on one thread.
    """

    error: float
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputReference:
    """Outputs of the float model for a sample of pictures.

    The error of an output is the root mean square of the differences, relative to that of the values, for each slice along an
    axis, at most 1, and its mean over the slices; the axis with the largest counts. So scores of 0 to 1 count as much as boxes
    in pixels in the same tensor. The error of a model is that of its worst output.

    Attributes:
        sample: the encoded pictures: (1, H, W, C) in the dtype of the float model's input.
        outputs: for each picture, the outputs, float32.
    """

    sample: tuple[NDArray[np.generic], ...]
    outputs: tuple[tuple[F32, ...], ...]

    @classmethod
    def of(cls, model: bytes, sample: Sequence[NDArray[np.generic]]) -> "OutputReference":
        """Run the float model on the sample.

        Args:
            model: the float .tflite.
            sample: the encoded pictures, (1, H, W, C) float32 or whatever the input's dtype is.

        Raises:
            SourceError: it cannot be run.
        """
        outputs, _ = _run(model, sample)
        return cls(sample=tuple(sample), outputs=tuple(outputs))

    def measure(self, model: bytes) -> Measurement:
        """Run a model on the sample.

        Raises:
            SourceError: it cannot be run, or its outputs have other shapes.
        """
        outputs, times_ms = _run(model, self.sample)
        pairs = [
            list(zip(*each, strict=True))
            for each in zip(
                zip(*self.outputs, strict=True), zip(*outputs, strict=True), strict=True
            )
        ]
        return Measurement(
            error=max(map(_find_error, pairs)),
            latency_ms=median(times_ms),
        )


def _find_error(pairs: Sequence[tuple[F32, F32]]) -> float:
    """Return the error of one output, given as (exact, rounded) for each picture."""
    shape = pairs[0][0].shape
    if any(one.shape != shape or other.shape != shape for one, other in pairs):
        raise SourceError("outputs change their shapes from picture to picture: judge with --judge")
    if not all(np.isfinite(other).all() for _, other in pairs):
        return 1.0
    values = sum(np.square(one, dtype=np.float64) for one, _ in pairs)
    differences = sum(np.square(one - other, dtype=np.float64) for one, other in pairs)
    values, differences = np.atleast_1d(values), np.atleast_1d(differences)
    axes = [axis for axis, size in enumerate(shape) if size > 1] or [0]
    return max(_mean_of_slices(values, differences, axis) for axis in axes)


def _mean_of_slices(
    values: NDArray[np.float64], differences: NDArray[np.float64], axis: int
) -> float:
    others = tuple(one for one in range(values.ndim) if one != axis)
    scale = np.sqrt(values.sum(axis=others))
    errors = np.sqrt(differences.sum(axis=others))
    relative = np.where(errors < _NO_VALUE, 0.0, errors / np.maximum(scale, _NO_VALUE))
    return float(np.minimum(relative, 1.0).mean())


def _run(
    model: bytes, sample: Sequence[NDArray[np.generic]]
) -> tuple[list[tuple[F32, ...]], list[float]]:
    """Return the outputs for each picture, not quantised, and the CPU milliseconds of each."""
    try:
        interpreter = Interpreter(model_content=_cut_postprocess(model), num_threads=1)
        interpreter.allocate_tensors()
        info = interpreter.get_input_details()[0]
        outputs, times_ms = [], []
        for tensor in sample:
            interpreter.set_tensor(info["index"], _quantize_input(tensor, info))
            began_ns = time.thread_time_ns()
            interpreter.invoke()
            times_ms.append((time.thread_time_ns() - began_ns) / 1e6)
            outputs.append(
                tuple(_read_output(interpreter, one) for one in interpreter.get_output_details())
            )
    except (RuntimeError, ValueError) as error:
        raise SourceError(f"the model cannot be run: {summarize_error(error)}") from error
    return outputs, times_ms


def _quantize_input(tensor: NDArray[np.generic], info: dict) -> NDArray[np.generic]:  # type: ignore[type-arg]  # the library's
    scale, zero_point = info["quantization"]
    if not scale or tensor.dtype == info["dtype"]:
        return tensor
    limits = np.iinfo(info["dtype"])
    steps = np.rint(tensor.astype(np.float32) / scale + zero_point)
    return np.clip(steps, limits.min, limits.max).astype(info["dtype"])


def _read_output(interpreter: Interpreter, info: dict) -> F32:  # type: ignore[type-arg]  # the library's
    values = interpreter.get_tensor(info["index"]).astype(np.float32)
    scale, zero_point = info["quantization"]
    return np.asarray((values - zero_point) * scale if scale else values, np.float32)


def _cut_postprocess(model: bytes) -> bytes:
    """Return a model without its last op, the detection post-process: it sorts, so its rows cannot be compared one by one."""
    tree = unpack_model(model)
    if not find_postprocess_outputs(tree):
        return model
    graph = tree.subgraphs[0]
    last = graph.operators.pop()
    graph.outputs = [int(index) for index in last.inputs[:2]]
    tree.signatureDefs = None
    return pack_model(tree)
