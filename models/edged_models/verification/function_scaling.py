"""The scaling of pixels in a TensorFlow function.

The converter multiplies a constant factor behind the input into the kernel of the next convolution: then the .tflite has no trace of it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edged_models.conversion.suppress_stderr import suppress_stderr
from edged_models.tensorflow import tf
from edged_models.verification.input_scaling import InputScaling, ScalingStep, combine_steps
from edged_models.verification.tflite_scaling import make_step

_PASSING = {
    "Identity", "Cast", "StridedSlice", "ReverseV2", "Transpose", "Pad", "PadV2", "ExpandDims", "Reshape", "EnsureShape",
    "ResizeBilinear", "ResizeNearestNeighbor", "GatherV2", "StopGradient",
}  # fmt: skip
"""Ops that move values and do not change them."""
_ARITHMETIC = {
    "Mul": "MUL",
    "Add": "ADD",
    "AddV2": "ADD",
    "BiasAdd": "ADD",
    "Sub": "SUB",
    "RealDiv": "DIV",
    "Div": "DIV",
}
_BATCH_NORM = "FusedBatchNormV3"


def find_function_scaling(function: Any) -> InputScaling | None:
    """Find how a concrete function of one picture scales its input itself; None if it does not, or cannot be read."""
    try:
        with suppress_stderr():
            frozen = convert_variables_to_constants_v2(function)
            return combine_steps(list(_walk(frozen)))
    except Exception:  # noqa: BLE001  # TensorFlow raises nearly anything for a graph that it cannot freeze
        return None


def _walk(frozen: Any) -> Iterator[ScalingStep]:
    tensor = frozen.inputs[0]
    dependent = _find_dependent(tensor)
    while len(readers := tensor.consumers()) == 1:
        (op,) = readers
        if op.type in _ARITHMETIC or op.type == _BATCH_NORM:
            step = _read_step(frozen, op, tensor, dependent)
            if step is None:
                return
            yield step
        elif op.type not in _PASSING:
            return
        tensor = op.outputs[0]


def _find_dependent(tensor: Any) -> set[str]:
    """Return the names of all ops that depend on a tensor."""
    names: set[str] = set()
    open_ops = list(tensor.consumers())
    while open_ops:
        op = open_ops.pop()
        if op.name not in names:
            names.add(op.name)
            open_ops += [one for output in op.outputs for one in output.consumers()]
    return names


def _read_step(frozen: Any, op: Any, tensor: Any, dependent: set[str]) -> ScalingStep | None:
    if any(one is not tensor and one.op.name in dependent for one in op.inputs):
        return None
    if op.type == _BATCH_NORM:
        return _read_batch_norm(frozen, op)
    left, right = op.inputs[:2]
    if left is right:
        return None
    is_left = left is tensor
    constant = _evaluate(frozen, right if is_left else left)
    return make_step(_ARITHMETIC[op.type], constant, is_left=is_left)


def _read_batch_norm(frozen: Any, op: Any) -> ScalingStep | None:
    if op.get_attr("is_training") or op.inputs[1].shape[0] not in (1, 3):
        return None
    gamma, beta, mean, variance = (_evaluate(frozen, one) for one in op.inputs[1:5])
    scale = gamma / np.sqrt(variance + op.get_attr("epsilon"))
    return ScalingStep(op="BATCH_NORM", scale=scale, offset=beta - mean * scale)


def _evaluate(frozen: Any, tensor: Any) -> NDArray[np.float64]:
    """Compute a tensor that does not depend on the input: any shape, float64."""
    image = frozen.inputs[0]
    # Inlined functions wait for the input, even where they do not read it.
    black = np.zeros(image.shape, image.dtype.as_numpy_dtype)
    with tf.compat.v1.Session(graph=frozen.graph) as session:
        return np.asarray(session.run(tensor, {image.name: black}), np.float64)
