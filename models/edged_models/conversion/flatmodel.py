"""What is in a .tflite, as values: tensors, ops and who reads whom. The file is read, never run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.appended import split
from edged_models.conversion.flatfile import reading, taken_apart
from edged_models.errors import SourceError

_OLD_CODES_END = 127
"""Codes below stand in the schema's older, one-byte field."""
_NONE = -1
_BITS = {"INT2": 2, "INT4": 4, "UINT4": 4, "FLOAT16": 16, "BFLOAT16": 16, "INT16": 16, "UINT16": 16}
_BITS |= {"INT8": 8, "UINT8": 8, "BOOL": 8, "FLOAT8_E4M3FN": 8, "FLOAT8_E5M2": 8, "STRING": 8}
_BITS |= dict.fromkeys(("FLOAT64", "INT64", "UINT64", "COMPLEX64"), 64) | {"COMPLEX128": 128}
_USUAL_BITS = 32
FLOATS = frozenset({"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatTensor:
    """A tensor of the graph.

    Attributes:
        name: as the file has it.
        dtype: as the schema calls it: ``INT8``.
        shape: as allocated; () for a scalar, and where it is not known before the model runs.
        dynamic: whether a side is open.
        scales: of its quantisation; one, one for each channel, or none.
        stored_bytes: of its constant content; 0 for what is computed.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    dynamic: bool
    scales: int
    stored_bytes: int

    @property
    def constant(self) -> bool:
        """Whether it is weights."""
        return self.stored_bytes > 0

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        count = 1
        for side in self.shape:
            count *= max(1, side)
        return count

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        return -(-self.elements * _BITS.get(self.dtype, _USUAL_BITS) // 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatOp:
    """An operator of the graph, in the order in which they run.

    Attributes:
        name: as the schema calls it, or the custom op's own.
        custom: whether it is none of TensorFlow Lite's.
        version: of the op.
        inputs: tensors; optional ones that are absent are left out.
        outputs: tensors.
        options: the schema's own object for this op; None if it has none.
    """

    name: str
    custom: bool
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any

    def option(self, name: str) -> int:
        """One of its options; 0, the schema's own default for nearly all, where it is absent."""
        return int(getattr(self.options, name, 0) or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatModel:
    """The main graph of a .tflite.

    Attributes:
        tensors: by index.
        ops: in order.
        inputs: tensors.
        outputs: tensors.
        subgraphs: how many graphs there are; others belong to control flow, or to signatures.
    """

    tensors: tuple[FlatTensor, ...]
    ops: tuple[FlatOp, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int

    def of(self, indices: Sequence[int]) -> list[FlatTensor]:
        """The tensors of these indices."""
        return [self.tensors[index] for index in indices]


def read_model(path: Path) -> bytes:
    """The bytes of a model file.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error


def flat_model(model: bytes, name: str = "the model") -> FlatModel:
    """Look into a .tflite.

    Raises:
        SourceError: it is no .tflite, or damaged.
    """
    content, _ = split(model, name)
    tree = taken_apart(content, name)
    with reading(name):
        return _model(tree)


def _model(tree: schema.ModelT) -> FlatModel:
    graph = tree.subgraphs[0]
    found = FlatModel(
        tensors=tuple(_tensor(tensor, tree.buffers) for tensor in graph.tensors),
        ops=tuple(_op(op, tree.operatorCodes[op.opcodeIndex]) for op in graph.operators or []),
        inputs=_indices(graph.inputs),
        outputs=_indices(graph.outputs),
        subgraphs=len(tree.subgraphs),
    )
    named = [index for op in found.ops for index in (*op.inputs, *op.outputs)]
    most = max((*named, *found.inputs, *found.outputs), default=0)
    if most >= len(found.tensors):
        raise ValueError(f"there is no tensor {most}")
    return found


def _tensor(tensor: schema.TensorT, buffers: Sequence[schema.BufferT]) -> FlatTensor:
    data = buffers[tensor.buffer].data
    scale = tensor.quantization.scale if tensor.quantization is not None else None
    signature = _indices(tensor.shapeSignature, all_of_them=True)
    return FlatTensor(
        name=(tensor.name or b"").decode("utf-8", "replace"),
        dtype=_TYPES[tensor.type],
        shape=_indices(tensor.shape, all_of_them=True),
        dynamic=_NONE in signature,
        scales=0 if scale is None else len(scale),
        stored_bytes=0 if data is None else len(data),
    )


def _op(op: schema.OperatorT, code: schema.OperatorCodeT) -> FlatOp:
    old = code.deprecatedBuiltinCode
    builtin = code.builtinCode if old >= _OLD_CODES_END else max(old, code.builtinCode)
    custom = builtin == schema.BuiltinOperator.CUSTOM
    own = (code.customCode or b"").decode("utf-8", "replace")
    return FlatOp(
        name=own or "CUSTOM" if custom else _OPS.get(builtin, f"op {builtin}"),
        custom=custom,
        version=code.version,
        inputs=_indices(op.inputs),
        outputs=_indices(op.outputs),
        options=op.builtinOptions,
    )


def _indices(values: Any, *, all_of_them: bool = False) -> tuple[int, ...]:
    numbers = () if values is None else tuple(int(value) for value in values)
    return numbers if all_of_them else tuple(n for n in numbers if n != _NONE)


def _names(enum: type) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if not name.startswith("_")}


_TYPES = _names(schema.TensorType)
_OPS = _names(schema.BuiltinOperator)
