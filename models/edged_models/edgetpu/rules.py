"""Rules of the EdgeTPU's compiler 16 (runtime 14), op by op.

Sources: the table of supported operations in Coral's public documentation, "TensorFlow models on the Edge TPU"
(coral.ai/docs/edgetpu/models-intro); for versions, reports of users of compiler 16: google-coral/edgetpu issues 420
(resize 3 stays on the CPU), 631 (CONV_2D 6), 845 (TRANSPOSE_CONV 4), 879 (QUANTIZE 3). The compiler reads files as TensorFlow 2.5
does, and rejects a file if one op has a version that it does not know. Conditions on the values of constants (axes, strides,
paddings) are not checked here; only the compiler checks them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from edged_models.conversion.tflite_model import TfliteModel, TfliteOp

_MAX_SOFTMAX_SIZE = 16_000
_INNER_AXES = 3
_CHANNEL_MULTIPLE = 4
_MAX_INPUTS_WITH_CONSTANT = 2
"""Inputs of a concatenation of which one is constant."""


def _no_condition(model: TfliteModel, op: TfliteOp) -> str | None:  # noqa: ARG001  # a condition
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpRule:
    """Conditions on one kind of op.

    Attributes:
        max_readable_version: the newest version that the compiler can read; None if no version is known to be rejected.
        max_mapped_version: the newest version that runs on the EdgeTPU; None if all do.
        find_obstacle: returns why an op cannot run on the EdgeTPU, or None.
    """

    max_readable_version: int | None = None
    max_mapped_version: int | None = None
    find_obstacle: Callable[[TfliteModel, TfliteOp], str | None] = _no_condition


def _check_unfused(model: TfliteModel, op: TfliteOp) -> str | None:  # noqa: ARG001  # a condition
    return "has a fused activation" if op.get_option("fusedActivationFunction") else None


def _check_concatenation(model: TfliteModel, op: TfliteOp) -> str | None:
    constants = [tensor for tensor in model.get_tensors(op.inputs) if tensor.is_constant]
    if constants and len(op.inputs) > _MAX_INPUTS_WITH_CONSTANT:
        return "joins a constant with more than one tensor"
    return _check_unfused(model, op)


def _check_dilation(model: TfliteModel, op: TfliteOp) -> str | None:  # noqa: ARG001  # a condition
    if op.get_option("dilationWFactor") != op.get_option("dilationHFactor"):
        return "has different dilations in x and y"
    return None


def _check_dense(model: TfliteModel, op: TfliteOp) -> str | None:
    if op.get_option("weightsFormat"):
        return "has weights in a shuffled format"
    (output,) = model.get_tensors(op.outputs)
    return None if prod(output.shape[:-1]) == 1 else "has more than one output row"


def _check_reduction(model: TfliteModel, op: TfliteOp) -> str | None:
    before, after = model.tensors[op.inputs[0]].shape, model.tensors[op.outputs[0]].shape
    if before and after[-1:] != before[-1:] and before[-1] % _CHANNEL_MULTIPLE:
        return f"reduces {before[-1]} channels, which is not a multiple of {_CHANNEL_MULTIPLE}"
    return None


def _check_prelu(model: TfliteModel, op: TfliteOp) -> str | None:
    alpha = model.tensors[op.inputs[1]].shape
    if prod(alpha[:-1]) == 1:
        return None
    return "has one slope for each position, not for each channel: use shared_axes=[1, 2]"


def _check_softmax(model: TfliteModel, op: TfliteOp) -> str | None:
    shape = model.tensors[op.inputs[0]].shape
    if prod(shape[:-1]) != 1:
        return "has more than one row"
    return None if shape[-1] <= _MAX_SOFTMAX_SIZE else f"has more than {_MAX_SOFTMAX_SIZE} values"


def _check_squeeze(model: TfliteModel, op: TfliteOp) -> str | None:
    before, after = model.tensors[op.inputs[0]].shape, model.tensors[op.outputs[0]].shape
    is_leading = before[len(before) - len(after) :] == after
    return None if is_leading else "removes an axis that is not a leading one"


def _check_slice(model: TfliteModel, op: TfliteOp) -> str | None:  # noqa: ARG001  # a condition
    has_mask = op.get_option("ellipsisMask") or op.get_option("newAxisMask")
    return "uses an ellipsis or a new axis" if has_mask else None


def check_rank(model: TfliteModel, op: TfliteOp) -> str | None:
    """Return the obstacle if another axis than the last three is larger than 1, else None."""
    shapes = [
        tensor.shape
        for tensor in model.get_tensors((*op.inputs, *op.outputs))
        if not tensor.is_constant
    ]
    too_deep = [shape for shape in shapes if prod(shape[:-_INNER_AXES]) > 1]
    if not too_deep:
        return None
    return f"has a tensor {list(too_deep[0])}: only the last three axes may be larger than 1"


_RESIZE = OpRule(max_mapped_version=2)
RULES: dict[str, OpRule] = {
    "ADD": OpRule(),
    "AVERAGE_POOL_2D": OpRule(find_obstacle=_check_unfused),
    "CONCATENATION": OpRule(find_obstacle=_check_concatenation),
    "CONV_2D": OpRule(max_readable_version=5, find_obstacle=_check_dilation),
    "DEPTHWISE_CONV_2D": OpRule(max_readable_version=6, find_obstacle=_check_dilation),
    "EXPAND_DIMS": OpRule(),
    "FULLY_CONNECTED": OpRule(max_readable_version=9, find_obstacle=_check_dense),
    "L2_NORMALIZATION": OpRule(),
    "LOGISTIC": OpRule(),
    "MAXIMUM": OpRule(),
    "MAX_POOL_2D": OpRule(find_obstacle=_check_unfused),
    "MEAN": OpRule(find_obstacle=_check_reduction),
    "MINIMUM": OpRule(),
    "MUL": OpRule(),
    "PACK": OpRule(),
    "PAD": OpRule(),
    "PRELU": OpRule(find_obstacle=_check_prelu),
    "QUANTIZE": OpRule(max_readable_version=2),
    "REDUCE_MAX": OpRule(),
    "REDUCE_MIN": OpRule(),
    "RELU": OpRule(),
    "RELU6": OpRule(),
    "RELU_N1_TO_1": OpRule(),
    "RESHAPE": OpRule(),
    "RESIZE_BILINEAR": _RESIZE,
    "RESIZE_NEAREST_NEIGHBOR": _RESIZE,
    "RSQRT": OpRule(),
    "SLICE": OpRule(),
    "SOFTMAX": OpRule(find_obstacle=_check_softmax),
    "SPACE_TO_DEPTH": OpRule(),
    "SPLIT": OpRule(),
    "SQUARED_DIFFERENCE": OpRule(),
    "SQUEEZE": OpRule(find_obstacle=_check_squeeze),
    "STRIDED_SLICE": OpRule(find_obstacle=_check_slice),
    "SUB": OpRule(),
    "SUM": OpRule(),
    "TANH": OpRule(),
    "TRANSPOSE": OpRule(),
    "TRANSPOSE_CONV": OpRule(max_readable_version=3),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": OpRule(),
}
_MAX_READABLE_VERSIONS = {"EXP": 1}
"""Versions of ops that run on the CPU, and that the compiler must be able to read nevertheless."""


def check_readable(op: TfliteOp) -> str | None:
    """Return why the compiler rejects the whole file because of this op, or None."""
    rule = RULES.get(op.name, OpRule(max_readable_version=_MAX_READABLE_VERSIONS.get(op.name)))
    if rule.max_readable_version is not None and op.version > rule.max_readable_version:
        return f"the compiler does not know {op.name} version {op.version}; it knows version {rule.max_readable_version}"
    return None
