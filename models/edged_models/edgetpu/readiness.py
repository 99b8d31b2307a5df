"""Which ops of a model would run on the EdgeTPU and which on the CPU, and why."""

from msgspec import Struct

from edged_models.conversion.flatmodel import FlatModel, FlatOp
from edged_models.conversion.leftovers import POSTPROCESS
from edged_models.edgetpu.rules import RULES, rank, unreadable

MEMORY_BYTES = 8 << 20
"""On the chip: parameters beyond are streamed over the bus for each picture. The compiler keeps a part for itself."""
_COMPILED = "edgetpu-custom-op"
_EIGHT_BITS = ("INT8", "UINT8")
_PLAIN = ("INT32", "INT64")
"""Shapes, axes and biases."""
_BRIDGES = ("QUANTIZE", "DEQUANTIZE")


class OpVerdict(Struct, frozen=True, kw_only=True):
    """Where one op would run.

    Attributes:
        place: in the order in which ops run, from 0.
        op: its kind.
        gives: the name of what it gives.
        edgetpu: whether the EdgeTPU does it.
        why: what keeps it on the CPU; "" on the EdgeTPU.
    """

    place: int
    op: str
    gives: str
    edgetpu: bool
    why: str


class Readiness(Struct, frozen=True, kw_only=True):
    """A model before the compiler.

    Attributes:
        ready: all that costs time runs on the EdgeTPU: only conversions to and from floats and the detection post-process, at
            the model's ends, are left to the CPU.
        refused: why the compiler would not take the file at all; "" if it would.
        ops: each op's verdict, in order.
        parameters_bytes: of the ops on the EdgeTPU.
        memory_bytes: of the chip.
    """

    ready: bool
    refused: str
    ops: tuple[OpVerdict, ...]
    parameters_bytes: int
    memory_bytes: int = MEMORY_BYTES

    @property
    def on_cpu(self) -> tuple[OpVerdict, ...]:
        """The ops that the EdgeTPU does not do."""
        return tuple(op for op in self.ops if not op.edgetpu)


def readiness(model: FlatModel) -> Readiness:
    """Judge a model op by op.

    The compiler makes one part of the model for the EdgeTPU: what needs the result of an op on the CPU runs there too, however
    well the EdgeTPU could do it. Only the conversion of a float input may stand before that part.
    """
    reasons = [_why_not(model, op) for op in model.ops]
    makers: dict[int, int] = {}
    verdicts = []
    for place, op in enumerate(model.ops):
        before = [makers[index] for index in op.inputs if index in makers]
        why = reasons[place]
        if not why and before:
            first = min(before)
            why = f"needs what op {first} ({model.ops[first].name}) gives on the CPU"
        if why and not _entry(model, op):
            makers |= dict.fromkeys(op.outputs, place)
        verdicts.append(_verdict(model, place, why))
    refused = _refused(model)
    elsewhere = {verdict.op for verdict in verdicts if not verdict.edgetpu}
    return Readiness(
        ready=not refused
        and elsewhere <= {*_BRIDGES, POSTPROCESS}
        and any(verdict.edgetpu for verdict in verdicts),
        refused=refused,
        ops=tuple(verdicts),
        parameters_bytes=_parameters(model, verdicts),
    )


def _verdict(model: FlatModel, place: int, why: str) -> OpVerdict:
    op = model.ops[place]
    gives = model.tensors[op.outputs[0]].name if op.outputs else ""
    return OpVerdict(place=place, op=op.name, gives=gives, edgetpu=not why, why=why)


def _refused(model: FlatModel) -> str:
    if any(op.name == _COMPILED for op in model.ops):
        return "it is compiled for the EdgeTPU already"
    return next((why for why in map(unreadable, model.ops) if why), "")


def _why_not(model: FlatModel, op: FlatOp) -> str:
    rule = RULES.get(op.name)
    if rule is None:
        return "the EdgeTPU has no such op"
    touched = model.of((*op.inputs, *op.outputs))
    unquantised = [tensor for tensor in touched if tensor.dtype not in (*_EIGHT_BITS, *_PLAIN)]
    if unquantised:
        return f"works on {unquantised[0].dtype.lower()}: quantise it to int8 throughout"
    if any(tensor.dynamic for tensor in touched):
        return "works on a tensor whose size is open: convert it for one size"
    if rule.mapped is not None and op.version > rule.mapped:
        return f"has version {op.version}; the EdgeTPU does {rule.mapped}"
    if not op.inputs or not op.outputs:
        return "has no input or no output"
    return rank(model, op) or rule.why_not(model, op)


def _entry(model: FlatModel, op: FlatOp) -> bool:
    """Whether it turns a float input into an integer."""
    return op.name == "QUANTIZE" and set(op.inputs) <= set(model.inputs)


def _parameters(model: FlatModel, verdicts: list[OpVerdict]) -> int:
    mapped = {
        index
        for verdict in verdicts
        if verdict.edgetpu
        for index in model.ops[verdict.place].inputs
    }
    return sum(tensor.stored_bytes for tensor in model.of(tuple(mapped)))
