"""Prediction of which ops of a model run on the EdgeTPU and which on the CPU, with the reasons."""

from msgspec import Struct

from edged_models.conversion.tflite_model import TfliteModel, TfliteOp
from edged_models.conversion.unquantized import POSTPROCESS
from edged_models.edgetpu.rules import RULES, check_rank, check_readable

MEMORY_BYTES = 8 << 20
"""Memory on the chip. Parameters that do not fit are sent over the bus for each picture; the compiler reserves a part."""
_COMPILED_OP = "edgetpu-custom-op"
_EIGHT_BIT_TYPES = ("INT8", "UINT8")
_INTEGER_TYPES = ("INT32", "INT64")
"""Types of shapes, axes and biases."""
_CONVERSION_OPS = ("QUANTIZE", "DEQUANTIZE")


class OpPlacement(Struct, frozen=True, kw_only=True):
    """The processor that runs one op.

    Attributes:
        index: position in the order of execution, from 0.
        op: kind of the op.
        output: name of its first output; None if it has none.
        on_edgetpu: whether it runs on the EdgeTPU.
        reason: why it runs on the CPU; None if it runs on the EdgeTPU.
    """

    index: int
    op: str
    output: str | None
    on_edgetpu: bool
    reason: str | None


class Readiness(Struct, frozen=True, kw_only=True):
    """The analysis of a model before it is compiled.

    Attributes:
        ready: whether the EdgeTPU runs everything that costs time: only conversions to and from floats and the detection
            post-process, at the model's ends, are left to the CPU.
        rejection_reason: why the compiler rejects the file; None if it accepts it.
        ops: placement of each op, in order of execution.
        parameters_bytes: size of the parameters of the ops on the EdgeTPU.
        memory_bytes: memory of the chip.
    """

    ready: bool
    rejection_reason: str | None
    ops: tuple[OpPlacement, ...]
    parameters_bytes: int
    memory_bytes: int = MEMORY_BYTES

    @property
    def cpu_ops(self) -> tuple[OpPlacement, ...]:
        """The ops that run on the CPU."""
        return tuple(op for op in self.ops if not op.on_edgetpu)


def check_readiness(model: TfliteModel) -> Readiness:
    """Analyse a model op by op."""
    placements = _place_ops(model)
    rejection_reason = _find_rejection_reason(model)
    cpu_kinds = {placement.op for placement in placements if not placement.on_edgetpu}
    return Readiness(
        ready=not rejection_reason
        and cpu_kinds <= {*_CONVERSION_OPS, POSTPROCESS}
        and any(placement.on_edgetpu for placement in placements),
        rejection_reason=rejection_reason,
        ops=tuple(placements),
        parameters_bytes=_count_parameter_bytes(model, placements),
    )


def _place_ops(model: TfliteModel) -> list[OpPlacement]:
    """Place each op.

    The compiler maps one contiguous part of the model to the EdgeTPU: an op that needs the output of an op on the CPU runs on the
    CPU too, even if the EdgeTPU supports it. Only the conversion of a float input may precede that part.
    """
    cpu_producers: dict[int, int] = {}
    placements = []
    for position, op in enumerate(model.ops):
        reason = _find_obstacle(model, op)
        producers = [cpu_producers[index] for index in op.inputs if index in cpu_producers]
        if not reason and producers:
            first = min(producers)
            reason = (
                f"needs the output of op {first} ({model.ops[first].name}), which runs on the CPU"
            )
        if reason and not _is_input_conversion(model, op):
            cpu_producers |= dict.fromkeys(op.outputs, position)
        placements.append(_place_op(model, position, reason))
    return placements


def _place_op(model: TfliteModel, index: int, reason: str | None) -> OpPlacement:
    op = model.ops[index]
    output = model.tensors[op.outputs[0]].name if op.outputs else None
    return OpPlacement(index=index, op=op.name, output=output, on_edgetpu=not reason, reason=reason)


def _find_rejection_reason(model: TfliteModel) -> str | None:
    if any(op.name == _COMPILED_OP for op in model.ops):
        return "it is already compiled for the EdgeTPU"
    return next((reason for reason in map(check_readable, model.ops) if reason), None)


def _find_obstacle(model: TfliteModel, op: TfliteOp) -> str | None:
    rule = RULES.get(op.name)
    if rule is None:
        return "the EdgeTPU does not support this op"
    tensors = model.get_tensors((*op.inputs, *op.outputs))
    unquantized = [
        tensor for tensor in tensors if tensor.dtype not in (*_EIGHT_BIT_TYPES, *_INTEGER_TYPES)
    ]
    if unquantized:
        return f"computes with {unquantized[0].dtype.lower()}: quantise the whole model to int8"
    if any(tensor.is_dynamic for tensor in tensors):
        return "has a tensor of variable size: convert the model for one input size"
    if rule.max_mapped_version is not None and op.version > rule.max_mapped_version:
        return f"has version {op.version}; the EdgeTPU supports {rule.max_mapped_version}"
    if not op.inputs or not op.outputs:
        return "has no input or no output"
    return check_rank(model, op) or rule.find_obstacle(model, op)


def _is_input_conversion(model: TfliteModel, op: TfliteOp) -> bool:
    """Return whether the op converts a float input of the model to integers."""
    return op.name == "QUANTIZE" and set(op.inputs) <= set(model.inputs)


def _count_parameter_bytes(model: TfliteModel, placements: list[OpPlacement]) -> int:
    mapped = {
        index
        for placement in placements
        if placement.on_edgetpu
        for index in model.ops[placement.index].inputs
    }
    return sum(tensor.stored_bytes for tensor in model.get_tensors(tuple(mapped)))
