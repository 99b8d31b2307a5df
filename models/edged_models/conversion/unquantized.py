"""Parts of a quantised model that are still float."""

from msgspec import Struct

from edged_models.conversion.tflite_model import FLOATS, TfliteModel, TfliteOp

POSTPROCESS = "TFLite_Detection_PostProcess"
"""This op computes with floats in every model."""
_CONVERSION_OPS = ("QUANTIZE", "DEQUANTIZE")


class FloatOp(Struct, frozen=True, kw_only=True):
    """An op that computes with floats.

    Attributes:
        op: its kind.
        output: name of its first output; None if it has none.
    """

    op: str
    output: str | None


class FloatWeights(Struct, frozen=True, kw_only=True):
    """A constant tensor that is stored as floats.

    Attributes:
        name: its name.
        dtype: its type in the schema.
        bytes: its size.
    """

    name: str
    dtype: str
    bytes: int


class UnquantizedParts(Struct, frozen=True, kw_only=True):
    """The float ops and weights of a quantised model.

    Attributes:
        ops: float ops, in the order of execution, without conversions between floats and integers.
        weights: float weights, the largest first.
    """

    ops: tuple[FloatOp, ...]
    weights: tuple[FloatWeights, ...]

    def list_ops_except(self, allowed: str) -> tuple[FloatOp, ...]:
        """Return the ops of all kinds but one."""
        return tuple(op for op in self.ops if op.op != allowed)


def find_unquantized(model: TfliteModel, *, include_activations: bool) -> UnquantizedParts:
    """Find the parts of a quantised model that are still float.

    Args:
        model: the model.
        include_activations: whether activations should be integers too, not only weights.
    """
    weights = [t for t in model.tensors if t.is_constant and t.dtype in FLOATS]
    return UnquantizedParts(
        ops=_find_float_ops(model) if include_activations else (),
        weights=tuple(
            FloatWeights(name=t.name, dtype=t.dtype, bytes=t.stored_bytes)
            for t in sorted(weights, key=lambda t: -t.stored_bytes)
        ),
    )


def _find_float_ops(model: TfliteModel) -> tuple[FloatOp, ...]:
    return tuple(
        FloatOp(op=op.name, output=model.tensors[op.outputs[0]].name if op.outputs else None)
        for op in model.ops
        if op.name not in _CONVERSION_OPS and _computes_floats(model, op)
    )


def _computes_floats(model: TfliteModel, op: TfliteOp) -> bool:
    tensors = model.get_tensors((*op.inputs, *op.outputs))
    return any(tensor.dtype in FLOATS and not tensor.is_constant for tensor in tensors)
