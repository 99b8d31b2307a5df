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

from edged_models.conversion.flatmodel import FlatModel, FlatOp

_MOST_SOFTMAX = 16_000
_INNER_AXES = 3
_Z_STEP = 4


def _free(model: FlatModel, op: FlatOp) -> str:  # noqa: ARG001  # a condition
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When one kind of op is taken.

    Attributes:
        readable: the newest version that the compiler can read at all; None where none is known to be refused.
        mapped: the newest version that goes to the EdgeTPU; None where all do.
        why_not: what is wrong with this op; "" if nothing.
    """

    readable: int | None = None
    mapped: int | None = None
    why_not: Callable[[FlatModel, FlatOp], str] = _free


def _unfused(model: FlatModel, op: FlatOp) -> str:  # noqa: ARG001  # a condition
    return "has an activation fused into it" if op.option("fusedActivationFunction") else ""


def _concatenation(model: FlatModel, op: FlatOp) -> str:
    constants = [tensor for tensor in model.of(op.inputs) if tensor.constant]
    if constants and len(op.inputs) > len(("one", "of zeros")):
        return "joins a constant with more than one tensor"
    return _unfused(model, op)


def _even_dilation(model: FlatModel, op: FlatOp) -> str:  # noqa: ARG001  # a condition
    if op.option("dilationWFactor") != op.option("dilationHFactor"):
        return "is dilated differently in x and y"
    return ""


def _dense(model: FlatModel, op: FlatOp) -> str:
    if op.option("weightsFormat"):
        return "has weights in a shuffled format"
    (made,) = model.of(op.outputs)
    return "" if prod(made.shape[:-1]) == 1 else "gives more than one row"


def _reduced(model: FlatModel, op: FlatOp) -> str:
    given, made = model.tensors[op.inputs[0]].shape, model.tensors[op.outputs[0]].shape
    if given and made[-1:] != given[-1:] and given[-1] % _Z_STEP:
        return f"reduces {given[-1]} channels, not a multiple of {_Z_STEP}"
    return ""


def _prelu(model: FlatModel, op: FlatOp) -> str:
    alpha = model.tensors[op.inputs[1]].shape
    return (
        ""
        if prod(alpha[:-1]) == 1
        else "has slopes for places, not for channels: shared_axes=[1, 2]"
    )


def _softmax(model: FlatModel, op: FlatOp) -> str:
    shape = model.tensors[op.inputs[0]].shape
    if prod(shape[:-1]) != 1:
        return "works on more than one row"
    return "" if shape[-1] <= _MOST_SOFTMAX else f"works on more than {_MOST_SOFTMAX} numbers"


def _squeeze(model: FlatModel, op: FlatOp) -> str:
    given, made = model.tensors[op.inputs[0]].shape, model.tensors[op.outputs[0]].shape
    return "" if given[len(given) - len(made) :] == made else "removes an axis that is not in front"


def _sliced(model: FlatModel, op: FlatOp) -> str:  # noqa: ARG001  # a condition
    masked = op.option("ellipsisMask") or op.option("newAxisMask")
    return "uses an ellipsis or a new axis" if masked else ""


def rank(model: FlatModel, op: FlatOp) -> str:
    """Only the innermost three axes may be larger than 1."""
    shapes = [tensor.shape for tensor in model.of((*op.inputs, *op.outputs)) if not tensor.constant]
    deep = [shape for shape in shapes if prod(shape[:-_INNER_AXES]) > 1]
    return f"works on {list(deep[0])}: only the last three axes may exceed 1" if deep else ""


_RESIZE = Rule(mapped=2)
RULES: dict[str, Rule] = {
    "ADD": Rule(),
    "AVERAGE_POOL_2D": Rule(why_not=_unfused),
    "CONCATENATION": Rule(why_not=_concatenation),
    "CONV_2D": Rule(readable=5, why_not=_even_dilation),
    "DEPTHWISE_CONV_2D": Rule(readable=6, why_not=_even_dilation),
    "EXPAND_DIMS": Rule(),
    "FULLY_CONNECTED": Rule(readable=9, why_not=_dense),
    "L2_NORMALIZATION": Rule(),
    "LOGISTIC": Rule(),
    "MAXIMUM": Rule(),
    "MAX_POOL_2D": Rule(why_not=_unfused),
    "MEAN": Rule(why_not=_reduced),
    "MINIMUM": Rule(),
    "MUL": Rule(),
    "PACK": Rule(),
    "PAD": Rule(),
    "PRELU": Rule(why_not=_prelu),
    "QUANTIZE": Rule(readable=2),
    "REDUCE_MAX": Rule(),
    "REDUCE_MIN": Rule(),
    "RELU": Rule(),
    "RELU6": Rule(),
    "RELU_N1_TO_1": Rule(),
    "RESHAPE": Rule(),
    "RESIZE_BILINEAR": _RESIZE,
    "RESIZE_NEAREST_NEIGHBOR": _RESIZE,
    "RSQRT": Rule(),
    "SLICE": Rule(),
    "SOFTMAX": Rule(why_not=_softmax),
    "SPACE_TO_DEPTH": Rule(),
    "SPLIT": Rule(),
    "SQUARED_DIFFERENCE": Rule(),
    "SQUEEZE": Rule(why_not=_squeeze),
    "STRIDED_SLICE": Rule(why_not=_sliced),
    "SUB": Rule(),
    "SUM": Rule(),
    "TANH": Rule(),
    "TRANSPOSE": Rule(),
    "TRANSPOSE_CONV": Rule(readable=3),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Rule(),
}
_READABLE = {"EXP": 1}
"""Of ops that the EdgeTPU does not do, which the compiler must be able to read all the same."""


def unreadable(op: FlatOp) -> str:
    """Why the compiler refuses the whole file for this op; "" if it does not."""
    rule = RULES.get(op.name, Rule(readable=_READABLE.get(op.name)))
    if rule.readable is not None and op.version > rule.readable:
        return f"{op.name} version {op.version} is unknown to the compiler, which knows {rule.readable}"
    return ""
