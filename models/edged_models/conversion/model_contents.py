"""What a .tflite holds and costs, counted from the file alone."""

import zlib
from collections import Counter
from collections.abc import Iterable
from math import prod

from msgspec import Struct

from edged_models.conversion.conversion_report import describe_signature
from edged_models.conversion.metadata import read_model_metadata
from edged_models.conversion.tflite_model import TfliteModel, TfliteOp
from edged_models.conversion.unquantized import UnquantizedParts, find_unquantized

_INTEGERS = frozenset({"INT8", "UINT8", "INT16"})


class OpCount(Struct, frozen=True, kw_only=True):
    """One kind of operator.

    Attributes:
        op: its name.
        version: of the op.
        count: how often it stands in the graph.
        macs: multiplications with addition that they take together, for one picture.
    """

    op: str
    version: int
    count: int
    macs: int


class TensorTotals(Struct, frozen=True, kw_only=True):
    """How many tensors of one type there are, and how many bytes of weights."""

    dtype: str
    tensors: int
    weights_bytes: int


class ModelContents(Struct, frozen=True, kw_only=True):
    """A model file.

    Attributes:
        name: the file's.
        bytes: of the file.
        deflated_bytes: the same compressed, as it goes over the air.
        title: the model's own name and version.
        description: its own.
        licence: its own.
        mean: of ``(pixel - mean) / std``, as the file says.
        std: of the same.
        labels: as packed into the file.
        input: of the main graph; type, shape and name.
        outputs: of the same, in order.
        subgraph_count: how many graphs there are.
        ops: by kind, the most costly first.
        tensors: by type.
        unquantized: what is not quantised, where the model is meant to be; else nothing.
        peak_activations_bytes: least memory that activations take while it runs, at one op's inputs and outputs and all that is
            still needed later; the runtimes' own arena is somewhat larger.
    """

    name: str
    bytes: int
    deflated_bytes: int
    title: str
    description: str
    licence: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...]
    input: str
    outputs: tuple[str, ...]
    subgraph_count: int
    ops: tuple[OpCount, ...]
    tensors: tuple[TensorTotals, ...]
    unquantized: UnquantizedParts
    peak_activations_bytes: int


def inspect_model(content: bytes, model: TfliteModel, name: str) -> ModelContents:
    """Count.

    Args:
        content: the file.
        model: what `flat_model` made of it.
        name: the file's.

    Raises:
        SourceError: its metadata is damaged.
    """
    card = read_model_metadata(content, name)
    given, outputs = describe_signature(model)
    activations = any(t.dtype in _INTEGERS and not t.is_constant for t in model.tensors)
    return ModelContents(
        name=name,
        bytes=len(content),
        deflated_bytes=len(zlib.compress(content, 9)),
        title="@".join(filter(None, (card.name, card.version))),
        description=card.description,
        licence=card.licence,
        mean=card.mean,
        std=card.std,
        labels=card.labels,
        input=given,
        outputs=outputs,
        subgraph_count=model.subgraph_count,
        ops=_count_ops(model),
        tensors=_total_tensors(model),
        unquantized=find_unquantized(model, include_activations=activations),
        peak_activations_bytes=compute_peak_activations_bytes(model),
    )


def count_macs(model: TfliteModel, op: TfliteOp) -> int:
    """Multiply-accumulates of one op: for each number of its output, one for each weight that it is made with.

    Convolutions and dense layers only: what else there is costs little beside them.
    """
    given = model.get_tensors(op.inputs)
    made = model.get_tensors(op.outputs)[0].element_count if op.outputs else 0
    match op.name, given:
        case "CONV_2D" | "FULLY_CONNECTED", [_, weights, *_]:
            return made * prod(weights.shape[1:])
        case "DEPTHWISE_CONV_2D", [_, weights, *_]:
            return made * prod(weights.shape[1:3])
        case "TRANSPOSE_CONV", [_, weights, picture, *_]:
            return picture.element_count * prod(weights.shape[:-1])
        case "BATCH_MATMUL", [left, *_] if left.shape:
            return made * left.shape[-1]
    return 0


def compute_peak_activations_bytes(model: TfliteModel) -> int:
    """The most memory that computed tensors take at once, each from the op that makes it to the last that reads it."""
    last = {index: place for place, op in enumerate(model.ops) for index in op.inputs}
    last |= dict.fromkeys(model.outputs, len(model.ops))
    alive = {index for index in model.inputs if index in last}
    peak = _sum_bytes(model, alive)
    for place, op in enumerate(model.ops):
        alive |= set(op.outputs)
        peak = max(peak, _sum_bytes(model, alive))
        alive = {index for index in alive if last.get(index, -1) > place}
    return peak


def _sum_bytes(model: TfliteModel, indices: Iterable[int]) -> int:
    return sum(
        tensor.size_bytes for tensor in model.get_tensors(tuple(indices)) if not tensor.is_constant
    )


def _count_ops(model: TfliteModel) -> tuple[OpCount, ...]:
    counts: Counter[tuple[str, int]] = Counter()
    costs: Counter[tuple[str, int]] = Counter()
    for op in model.ops:
        counts[op.name, op.version] += 1
        costs[op.name, op.version] += count_macs(model, op)
    kinds = sorted(counts, key=lambda kind: (-costs[kind], -counts[kind], kind))
    return tuple(
        OpCount(op=kind[0], version=kind[1], count=counts[kind], macs=costs[kind]) for kind in kinds
    )


def _total_tensors(model: TfliteModel) -> tuple[TensorTotals, ...]:
    counts: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    for tensor in model.tensors:
        counts[tensor.dtype] += 1
        stored[tensor.dtype] += tensor.stored_bytes
    return tuple(
        TensorTotals(dtype=dtype.lower(), tensors=counts[dtype], weights_bytes=stored[dtype])
        for dtype in sorted(counts, key=lambda dtype: (-stored[dtype], dtype))
    )
