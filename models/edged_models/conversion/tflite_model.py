"""What is in a .tflite, as values: tensors, ops and who reads whom. The file is read, never run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.associated_files import split_associated_files
from edged_models.conversion.flatbuffer import damage_as_source_error, unpack_model
from edged_models.errors import SourceError

_MAX_OLD_CODE = 127
"""Codes below stand in the schema's older, one-byte field."""
_MISSING = -1
_BITS = {"INT2": 2, "INT4": 4, "UINT4": 4, "FLOAT16": 16, "BFLOAT16": 16, "INT16": 16, "UINT16": 16}
_BITS |= {"INT8": 8, "UINT8": 8, "BOOL": 8, "FLOAT8_E4M3FN": 8, "FLOAT8_E5M2": 8, "STRING": 8}
_BITS |= dict.fromkeys(("FLOAT64", "INT64", "UINT64", "COMPLEX64"), 64) | {"COMPLEX128": 128}
_DEFAULT_BITS = 32
FLOATS = frozenset({"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteTensor:
    """A tensor of the graph.

    Attributes:
        name: as the file has it.
        dtype: as the schema calls it: ``INT8``.
        shape: as allocated; () for a scalar, and where it is not known before the model runs.
        is_dynamic: whether a side is open.
        scale_count: of its quantisation; one, one for each channel, or none.
        stored_bytes: of its constant content; 0 for what is computed.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    is_dynamic: bool
    scale_count: int
    stored_bytes: int

    @property
    def is_constant(self) -> bool:
        """Whether it is weights."""
        return self.stored_bytes > 0

    @property
    def element_count(self) -> int:
        """How many numbers it holds."""
        count = 1
        for side in self.shape:
            count *= max(1, side)
        return count

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        return -(-self.element_count * _BITS.get(self.dtype, _DEFAULT_BITS) // 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteOp:
    """An operator of the graph, in the order in which they run.

    Attributes:
        name: as the schema calls it, or the custom op's own.
        is_custom: whether it is none of TensorFlow Lite's.
        version: of the op.
        inputs: tensors; optional ones that are absent are left out.
        outputs: tensors.
        options: the schema's own object for this op; None if it has none.
    """

    name: str
    is_custom: bool
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any

    def get_option(self, name: str) -> int:
        """One of its options; 0, the schema's own default for nearly all, where it is absent."""
        return int(getattr(self.options, name, 0) or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteModel:
    """The main graph of a .tflite.

    Attributes:
        tensors: by index.
        ops: in order.
        inputs: tensors.
        outputs: tensors.
        subgraph_count: how many graphs there are; others belong to control flow, or to signatures.
    """

    tensors: tuple[TfliteTensor, ...]
    ops: tuple[TfliteOp, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraph_count: int

    def get_tensors(self, indices: Sequence[int]) -> list[TfliteTensor]:
        """The tensors of these indices."""
        return [self.tensors[index] for index in indices]


def read_model_bytes(path: Path) -> bytes:
    """The bytes of a model file.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error


def parse_model(model: bytes, name: str = "the model") -> TfliteModel:
    """Look into a .tflite.

    Raises:
        SourceError: it is no .tflite, or damaged.
    """
    content, _ = split_associated_files(model, name)
    tree = unpack_model(content, name)
    with damage_as_source_error(name):
        return _build_model(tree)


def _build_model(tree: schema.ModelT) -> TfliteModel:
    graph = tree.subgraphs[0]
    found = TfliteModel(
        tensors=tuple(_build_tensor(tensor, tree.buffers) for tensor in graph.tensors),
        ops=tuple(
            _build_op(op, tree.operatorCodes[op.opcodeIndex]) for op in graph.operators or []
        ),
        inputs=_to_indices(graph.inputs),
        outputs=_to_indices(graph.outputs),
        subgraph_count=len(tree.subgraphs),
    )
    named = [index for op in found.ops for index in (*op.inputs, *op.outputs)]
    most = max((*named, *found.inputs, *found.outputs), default=0)
    if most >= len(found.tensors):
        raise ValueError(f"there is no tensor {most}")
    return found


def _build_tensor(tensor: schema.TensorT, buffers: Sequence[schema.BufferT]) -> TfliteTensor:
    data = buffers[tensor.buffer].data
    scale = tensor.quantization.scale if tensor.quantization is not None else None
    signature = _to_indices(tensor.shapeSignature, keep_missing=True)
    return TfliteTensor(
        name=(tensor.name or b"").decode("utf-8", "replace"),
        dtype=_TYPES[tensor.type],
        shape=_to_indices(tensor.shape, keep_missing=True),
        is_dynamic=_MISSING in signature,
        scale_count=0 if scale is None else len(scale),
        stored_bytes=0 if data is None else len(data),
    )


def _build_op(op: schema.OperatorT, code: schema.OperatorCodeT) -> TfliteOp:
    old = code.deprecatedBuiltinCode
    builtin = code.builtinCode if old >= _MAX_OLD_CODE else max(old, code.builtinCode)
    custom = builtin == schema.BuiltinOperator.CUSTOM
    own = (code.customCode or b"").decode("utf-8", "replace")
    return TfliteOp(
        name=own or "CUSTOM" if custom else _OPS.get(builtin, f"op {builtin}"),
        is_custom=custom,
        version=code.version,
        inputs=_to_indices(op.inputs),
        outputs=_to_indices(op.outputs),
        options=op.builtinOptions,
    )


def _to_indices(values: Any, *, keep_missing: bool = False) -> tuple[int, ...]:
    numbers = () if values is None else tuple(int(value) for value in values)
    return numbers if keep_missing else tuple(n for n in numbers if n != _MISSING)


def _enum_names(enum: type) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if not name.startswith("_")}


_TYPES = _enum_names(schema.TensorType)
_OPS = _enum_names(schema.BuiltinOperator)
