"""Which ops of a model would run on the EdgeTPU and which on the CPU, and why."""

from msgspec import Struct

from edged_models.conversion.tflite_model import TfliteModel, TfliteOp
from edged_models.conversion.unquantized import POSTPROCESS
from edged_models.edgetpu.rules import RULES, check_rank, check_readable

MEMORY_BYTES = 8 << 20
"""On the chip: parameters beyond are streamed over the bus for each picture. The compiler keeps a part for itself."""
_COMPILED_OP = "edgetpu-custom-op"
_EIGHT_BIT_TYPES = ("INT8", "UINT8")
_INTEGER_TYPES = ("INT32", "INT64")
"""Shapes, axes and biases."""
_CONVERSION_OPS = ("QUANTIZE", "DEQUANTIZE")


class OpPlacement(Struct, frozen=True, kw_only=True):
    """Where one op would run.

    Attributes:
        index: in the order in which ops run, from 0.
        op: its kind.
        output: the name of what it gives.
        on_edgetpu: whether the EdgeTPU does it.
        reason: what keeps it on the CPU; "" on the EdgeTPU.
    """

    index: int
    op: str
    output: str
    on_edgetpu: bool
    reason: str


class Readiness(Struct, frozen=True, kw_only=True):
    """A model before the compiler.

    Attributes:
        ready: all that costs time runs on the EdgeTPU: only conversions to and from floats and the detection post-process, at
            the model's ends, are left to the CPU.
        rejection_reason: why the compiler would not take the file at all; "" if it would.
        ops: each op's verdict, in order.
        parameters_bytes: of the ops on the EdgeTPU.
        memory_bytes: of the chip.
    """

    ready: bool
    rejection_reason: str
    ops: tuple[OpPlacement, ...]
    parameters_bytes: int
    memory_bytes: int = MEMORY_BYTES

    @property
    def cpu_ops(self) -> tuple[OpPlacement, ...]:
        """The ops that the EdgeTPU does not do."""
        return tuple(op for op in self.ops if not op.on_edgetpu)


def check_readiness(model: TfliteModel) -> Readiness:
    """Judge a model op by op.

    The compiler makes one part of the model for the EdgeTPU: what needs the result of an op on the CPU runs there too, however
    well the EdgeTPU could do it. Only the conversion of a float input may stand before that part.
    """
    reasons = [_find_obstacle(model, op) for op in model.ops]
    makers: dict[int, int] = {}
    verdicts = []
    for place, op in enumerate(model.ops):
        before = [makers[index] for index in op.inputs if index in makers]
        why = reasons[place]
        if not why and before:
            first = min(before)
            why = f"needs what op {first} ({model.ops[first].name}) gives on the CPU"
        if why and not _is_input_conversion(model, op):
            makers |= dict.fromkeys(op.outputs, place)
        verdicts.append(_place_op(model, place, why))
    refused = _find_rejection_reason(model)
    elsewhere = {verdict.op for verdict in verdicts if not verdict.edgetpu}
    return Readiness(
        ready=not refused
        and elsewhere <= {*_CONVERSION_OPS, POSTPROCESS}
        and any(verdict.edgetpu for verdict in verdicts),
        rejection_reason=refused,
        ops=tuple(verdicts),
        parameters_bytes=_count_parameter_bytes(model, verdicts),
    )


def _place_op(model: TfliteModel, index: int, reason: str) -> OpPlacement:
    op = model.ops[index]
    gives = model.tensors[op.outputs[0]].name if op.outputs else ""
    return OpPlacement(index=index, op=op.name, output=gives, on_edgetpu=not reason, reason=reason)


def _find_rejection_reason(model: TfliteModel) -> str:
    if any(op.name == _COMPILED_OP for op in model.ops):
        return "it is compiled for the EdgeTPU already"
    return next((why for why in map(check_readable, model.ops) if why), "")


def _find_obstacle(model: TfliteModel, op: TfliteOp) -> str:
    rule = RULES.get(op.name)
    if rule is None:
        return "the EdgeTPU has no such op"
    touched = model.get_tensors((*op.inputs, *op.outputs))
    unquantised = [
        tensor for tensor in touched if tensor.dtype not in (*_EIGHT_BIT_TYPES, *_INTEGER_TYPES)
    ]
    if unquantised:
        return f"works on {unquantised[0].dtype.lower()}: quantise it to int8 throughout"
    if any(tensor.is_dynamic for tensor in touched):
        return "works on a tensor whose size is open: convert it for one size"
    if rule.max_mapped_version is not None and op.version > rule.max_mapped_version:
        return f"has version {op.version}; the EdgeTPU does {rule.max_mapped_version}"
    if not op.inputs or not op.outputs:
        return "has no input or no output"
    return check_rank(model, op) or rule.find_obstacle(model, op)


def _is_input_conversion(model: TfliteModel, op: TfliteOp) -> bool:
    """Whether it turns a float input into an integer."""
    return op.name == "QUANTIZE" and set(op.inputs) <= set(model.inputs)


def _count_parameter_bytes(model: TfliteModel, placements: list[OpPlacement]) -> int:
    mapped = {
        index
        for verdict in placements
        if verdict.on_edgetpu
        for index in model.ops[verdict.index].inputs
    }
    return sum(tensor.stored_bytes for tensor in model.get_tensors(tuple(mapped)))
