"""Contents and cost of a .tflite, computed from the file without running it."""

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
    """All ops of one kind and version.

    Attributes:
        op: name of the kind.
        version: version of the op.
        count: number of these ops in the graph.
        macs: their multiply-accumulate operations for one picture, together.
    """

    op: str
    version: int
    count: int
    macs: int


class TensorTotals(Struct, frozen=True, kw_only=True):
    """All tensors of one type.

    Attributes:
        dtype: the type.
        tensors: number of tensors.
        weights_bytes: size of those that are constant.
    """

    dtype: str
    tensors: int
    weights_bytes: int


class ModelContents(Struct, frozen=True, kw_only=True):
    """Contents of a model file.

    Attributes:
        name: name of the file.
        bytes: size of the file.
        deflated_bytes: size of the file when it is compressed, as in an update.
        title: ``name@version`` of the model, from the metadata; None if both are missing.
        description: the model's description, from the metadata; None if it is missing.
        licence: the model's licence, from the metadata; None if it is missing.
        mean: mean of the normalisation ``(pixel - mean) / std``, from the metadata.
        std: standard deviation of the normalisation.
        labels: labels in the file, by class id.
        input: type, shape and name of the main graph's input.
        outputs: type, shape and name of the main graph's outputs, in order.
        subgraph_count: number of graphs in the file.
        ops: ops by kind, the most costly first.
        tensors: tensors by type.
        unquantized: float parts of a quantised model; empty for a float model.
        peak_activations_bytes: least memory for activations while the model runs: the largest sum of an op's inputs and outputs
            and of all tensors that later ops need. The runtimes' arena is somewhat larger.
    """

    name: str
    bytes: int
    deflated_bytes: int
    title: str | None
    description: str | None
    licence: str | None
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
    """Describe the contents of a model file.

    Args:
        content: the file.
        model: the same file, parsed.
        name: name of the file.

    Raises:
        SourceError: the file's metadata is damaged.
    """
    metadata = read_model_metadata(content, name)
    input_text, output_texts = describe_signature(model)
    has_integers = any(t.dtype in _INTEGERS and not t.is_constant for t in model.tensors)
    return ModelContents(
        name=name,
        bytes=len(content),
        deflated_bytes=len(zlib.compress(content, 9)),
        title="@".join(filter(None, (metadata.name, metadata.version))) or None,
        description=metadata.description,
        licence=metadata.licence,
        mean=metadata.mean,
        std=metadata.std,
        labels=metadata.labels,
        input=input_text,
        outputs=output_texts,
        subgraph_count=model.subgraph_count,
        ops=_count_ops(model),
        tensors=_total_tensors(model),
        unquantized=find_unquantized(model, include_activations=has_integers),
        peak_activations_bytes=compute_peak_activations_bytes(model),
    )


def count_macs(model: TfliteModel, op: TfliteOp) -> int:
    """Return the multiply-accumulate operations of one op.

    Only convolutions, dense layers and matrix products count; the cost of other ops is small.
    """
    inputs = model.get_tensors(op.inputs)
    elements = model.get_tensors(op.outputs)[0].element_count if op.outputs else 0
    match op.name, inputs:
        case "CONV_2D" | "FULLY_CONNECTED", [_, weights, *_]:
            return elements * prod(weights.shape[1:])
        case "DEPTHWISE_CONV_2D", [_, weights, *_]:
            return elements * prod(weights.shape[1:3])
        case "TRANSPOSE_CONV", [_, weights, picture, *_]:
            return picture.element_count * prod(weights.shape[:-1])
        case "BATCH_MATMUL", [left, *_] if left.shape:
            return elements * left.shape[-1]
    return 0


def compute_peak_activations_bytes(model: TfliteModel) -> int:
    """Return the largest size of all live activations; one is live from the op that computes it to the last that reads it."""
    last_use = {index: position for position, op in enumerate(model.ops) for index in op.inputs}
    last_use |= dict.fromkeys(model.outputs, len(model.ops))
    live = {index for index in model.inputs if index in last_use}
    peak = _sum_bytes(model, live)
    for position, op in enumerate(model.ops):
        live |= set(op.outputs)
        peak = max(peak, _sum_bytes(model, live))
        live = {index for index in live if last_use.get(index, -1) > position}
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
