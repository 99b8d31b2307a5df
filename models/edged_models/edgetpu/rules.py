"""What the EdgeTPU's compiler 16 (runtime 14) takes, op by op.

Source: the table of supported operations in Coral's public documentation, "TensorFlow models on the Edge TPU"
(coral.ai/docs/edgetpu/models-intro), and for versions what users of compiler 16 reported: google-coral/edgetpu issues 420
(resize 3 stays on the CPU), 631 (CONV_2D 6), 845 (TRANSPOSE_CONV 4), 879 (QUANTIZE 3). Its reader is that of TensorFlow 2.5, and
it refuses a whole file for one op of a version that it does not know. Conditions on constants' values (axes, strides, paddings)
are not judged here: the compiler has the last word.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from edged_models.conversion.tflite_model import TfliteModel, TfliteOp

_MAX_SOFTMAX_SIZE = 16_000
_INNER_AXES = 3
_CHANNEL_MULTIPLE = 4


def _no_condition(model: TfliteModel, op: TfliteOp) -> str:  # noqa: ARG001  # a condition
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpRule:
    """When one kind of op is taken.

    Attributes:
        max_readable_version: the newest version that the compiler can read at all; None where none is known to be refused.
        max_mapped_version: the newest version that goes to the EdgeTPU; None where all do.
        find_obstacle: what is wrong with this op; "" if nothing.
    """

    max_readable_version: int | None = None
    max_mapped_version: int | None = None
    find_obstacle: Callable[[TfliteModel, TfliteOp], str] = _no_condition


def _check_unfused(model: TfliteModel, op: TfliteOp) -> str:  # noqa: ARG001  # a condition
    return "has an activation fused into it" if op.get_option("fusedActivationFunction") else ""


def _check_concatenation(model: TfliteModel, op: TfliteOp) -> str:
    constants = [tensor for tensor in model.get_tensors(op.inputs) if tensor.is_constant]
    if constants and len(op.inputs) > len(("one", "of zeros")):
        return "joins a constant with more than one tensor"
    return _check_unfused(model, op)


def _check_dilation(model: TfliteModel, op: TfliteOp) -> str:  # noqa: ARG001  # a condition
    if op.get_option("dilationWFactor") != op.get_option("dilationHFactor"):
        return "is dilated differently in x and y"
    return ""


def _check_dense(model: TfliteModel, op: TfliteOp) -> str:
    if op.get_option("weightsFormat"):
        return "has weights in a shuffled format"
    (made,) = model.get_tensors(op.outputs)
    return "" if prod(made.shape[:-1]) == 1 else "gives more than one row"


def _check_reduction(model: TfliteModel, op: TfliteOp) -> str:
    given, made = model.tensors[op.inputs[0]].shape, model.tensors[op.outputs[0]].shape
    if given and made[-1:] != given[-1:] and given[-1] % _CHANNEL_MULTIPLE:
        return f"reduces {given[-1]} channels, not a multiple of {_CHANNEL_MULTIPLE}"
    return ""


def _check_prelu(model: TfliteModel, op: TfliteOp) -> str:
    alpha = model.tensors[op.inputs[1]].shape
    return (
        ""
        if prod(alpha[:-1]) == 1
        else "has slopes for places, not for channels: shared_axes=[1, 2]"
    )


def _check_softmax(model: TfliteModel, op: TfliteOp) -> str:
    shape = model.tensors[op.inputs[0]].shape
    if prod(shape[:-1]) != 1:
        return "works on more than one row"
    return (
        "" if shape[-1] <= _MAX_SOFTMAX_SIZE else f"works on more than {_MAX_SOFTMAX_SIZE} numbers"
    )


def _check_squeeze(model: TfliteModel, op: TfliteOp) -> str:
    given, made = model.tensors[op.inputs[0]].shape, model.tensors[op.outputs[0]].shape
    return "" if given[len(given) - len(made) :] == made else "removes an axis that is not in front"


def _check_slice(model: TfliteModel, op: TfliteOp) -> str:  # noqa: ARG001  # a condition
    masked = op.get_option("ellipsisMask") or op.get_option("newAxisMask")
    return "uses an ellipsis or a new axis" if masked else ""


def check_rank(model: TfliteModel, op: TfliteOp) -> str:
    """Only the innermost three axes may be larger than 1."""
    shapes = [
        tensor.shape
        for tensor in model.get_tensors((*op.inputs, *op.outputs))
        if not tensor.is_constant
    ]
    deep = [shape for shape in shapes if prod(shape[:-_INNER_AXES]) > 1]
    return f"works on {list(deep[0])}: only the last three axes may exceed 1" if deep else ""


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
"""Of ops that the EdgeTPU does not do, which the compiler must be able to read all the same."""


def check_readable(op: TfliteOp) -> str:
    """Why the compiler refuses the whole file for this op; "" if it does not."""
    rule = RULES.get(op.name, OpRule(max_readable_version=_MAX_READABLE_VERSIONS.get(op.name)))
    if rule.max_readable_version is not None and op.version > rule.max_readable_version:
        return f"{op.name} version {op.version} is unknown to the compiler, which knows {rule.max_readable_version}"
    return ""
