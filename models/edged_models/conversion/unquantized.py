"""What of a quantised model stayed float."""

from msgspec import Struct

from edged_models.conversion.tflite_model import FLOATS, TfliteModel, TfliteOp

POSTPROCESS = "TFLite_Detection_PostProcess"
"""Computes with floats in every model."""
_CONVERSION_OPS = ("QUANTIZE", "DEQUANTIZE")


class FloatOp(Struct, frozen=True, kw_only=True):
    """An operator that computes with floats: its kind, and the name of what it gives."""

    op: str
    output: str


class FloatWeights(Struct, frozen=True, kw_only=True):
    """Constants that are stored as floats."""

    name: str
    dtype: str
    bytes: int


class UnquantizedParts(Struct, frozen=True, kw_only=True):
    """What stayed float.

    Attributes:
        ops: in their order, where activations should have become integers; what only turns one into the other does not count.
        weights: the largest first.
    """

    ops: tuple[FloatOp, ...]
    weights: tuple[FloatWeights, ...]

    def list_ops_except(self, allowed: str) -> tuple[FloatOp, ...]:
        """The ops other than of that kind."""
        return tuple(op for op in self.ops if op.op != allowed)


def find_unquantized(model: TfliteModel, *, include_activations: bool) -> UnquantizedParts:
    """Look through a model whose weights, and `include_activations` too if so, were to be quantised."""
    weights = [t for t in model.tensors if t.is_constant and t.dtype in FLOATS]
    return UnquantizedParts(
        ops=tuple(
            FloatOp(op=op.name, output=model.tensors[op.outputs[0]].name if op.outputs else "")
            for op in model.ops
            if include_activations
            and op.name not in _CONVERSION_OPS
            and _computes_floats(model, op)
        ),
        weights=tuple(
            FloatWeights(name=t.name, dtype=t.dtype, bytes=t.stored_bytes)
            for t in sorted(weights, key=lambda t: -t.stored_bytes)
        ),
    )


def _computes_floats(model: TfliteModel, op: TfliteOp) -> bool:
    touched = model.get_tensors((*op.inputs, *op.outputs))
    return any(tensor.dtype in FLOATS and not tensor.is_constant for tensor in touched)
