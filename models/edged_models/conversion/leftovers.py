"""What of a quantised model stayed float."""

from msgspec import Struct

from edged_models.conversion.flatmodel import FLOATS, FlatModel, FlatOp

POSTPROCESS = "TFLite_Detection_PostProcess"
"""Computes with floats in every model."""
_BRIDGES = ("QUANTIZE", "DEQUANTIZE")


class FloatOp(Struct, frozen=True, kw_only=True):
    """An operator that computes with floats: its kind, and the name of what it gives."""

    op: str
    gives: str


class FloatWeights(Struct, frozen=True, kw_only=True):
    """Constants that are stored as floats."""

    name: str
    dtype: str
    bytes: int


class Leftovers(Struct, frozen=True, kw_only=True):
    """What stayed float.

    Attributes:
        ops: in their order, where activations should have become integers; what only turns one into the other does not count.
        weights: the largest first.
    """

    ops: tuple[FloatOp, ...]
    weights: tuple[FloatWeights, ...]

    def beside(self, allowed: str) -> tuple[FloatOp, ...]:
        """The ops other than of that kind."""
        return tuple(op for op in self.ops if op.op != allowed)


def leftovers(model: FlatModel, *, activations: bool) -> Leftovers:
    """Look through a model whose weights, and `activations` too if so, were to be quantised."""
    weights = [t for t in model.tensors if t.constant and t.dtype in FLOATS]
    return Leftovers(
        ops=tuple(
            FloatOp(op=op.name, gives=model.tensors[op.outputs[0]].name if op.outputs else "")
            for op in model.ops
            if activations and op.name not in _BRIDGES and _computes_floats(model, op)
        ),
        weights=tuple(
            FloatWeights(name=t.name, dtype=t.dtype, bytes=t.stored_bytes)
            for t in sorted(weights, key=lambda t: -t.stored_bytes)
        ),
    )


def _computes_floats(model: FlatModel, op: FlatOp) -> bool:
    touched = model.of((*op.inputs, *op.outputs))
    return any(tensor.dtype in FLOATS and not tensor.constant for tensor in touched)
