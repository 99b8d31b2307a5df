"""The graph of a .tflite as values: tensors and ops. The file is read, never run."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.associated_files import split_associated_files
from edged_models.conversion.flatbuffer import damage_as_source_error, unpack_model
from edged_models.errors import SourceError

_MAX_OLD_CODE = 127
"""Codes below this one are in the schema's older, one-byte field."""
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
        name: its name in the file.
        dtype: its type in the schema, as ``INT8``.
        shape: its shape; () for a scalar, and for a shape that is known only when the model runs.
        is_dynamic: whether a dimension is variable.
        scale_count: number of quantisation scales: 0, 1, or one for each channel.
        stored_bytes: size of a constant tensor; 0 for a computed one.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    is_dynamic: bool
    scale_count: int
    stored_bytes: int

    @property
    def is_constant(self) -> bool:
        """True for weights and other constants."""
        return self.stored_bytes > 0

    @property
    def element_count(self) -> int:
        """The number of its elements; a variable dimension counts as 1."""
        return prod(max(1, size) for size in self.shape)

    @property
    def size_bytes(self) -> int:
        """The memory that it needs."""
        return -(-self.element_count * _BITS.get(self.dtype, _DEFAULT_BITS) // 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteOp:
    """An op of the graph.

    Attributes:
        name: its name in the schema, or that of the custom op.
        is_custom: whether TensorFlow Lite does not have it.
        version: version of the op.
        inputs: indices of tensors, without absent optional ones.
        outputs: indices of tensors.
        options: the schema's object with the op's options; None if it has none.
    """

    name: str
    is_custom: bool
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any

    def get_option(self, name: str) -> int:
        """Return an option; 0, which is the schema's default of nearly all options, if it is absent."""
        return int(getattr(self.options, name, 0) or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteModel:
    """The main graph of a .tflite.

    Attributes:
        tensors: all tensors, by index.
        ops: all ops, in the order of execution.
        inputs: indices of the input tensors.
        outputs: indices of the output tensors.
        subgraph_count: number of graphs in the file; the others belong to control flow or to signatures.
    """

    tensors: tuple[TfliteTensor, ...]
    ops: tuple[TfliteOp, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraph_count: int

    def get_tensors(self, indices: Sequence[int]) -> list[TfliteTensor]:
        """Return the tensors with these indices."""
        return [self.tensors[index] for index in indices]


def read_model_bytes(path: Path) -> bytes:
    """Read a model file.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error


def parse_model(model: bytes, name: str = "the model") -> TfliteModel:
    """Parse a .tflite.

    Raises:
        SourceError: the file is not a .tflite, or is damaged.
    """
    content, _ = split_associated_files(model, name)
    tree = unpack_model(content, name)
    with damage_as_source_error(name):
        return _build_model(tree)


def _build_model(tree: schema.ModelT) -> TfliteModel:
    graph = tree.subgraphs[0]
    model = TfliteModel(
        tensors=tuple(_build_tensor(tensor, tree.buffers) for tensor in graph.tensors),
        ops=tuple(
            _build_op(op, tree.operatorCodes[op.opcodeIndex]) for op in graph.operators or []
        ),
        inputs=_to_indices(graph.inputs),
        outputs=_to_indices(graph.outputs),
        subgraph_count=len(tree.subgraphs),
    )
    indices = [index for op in model.ops for index in (*op.inputs, *op.outputs)]
    largest = max((*indices, *model.inputs, *model.outputs), default=0)
    if largest >= len(model.tensors):
        raise ValueError(f"tensor {largest} is used, but there are only {len(model.tensors)}")
    return model


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
    old_code = code.deprecatedBuiltinCode
    builtin = code.builtinCode if old_code >= _MAX_OLD_CODE else max(old_code, code.builtinCode)
    is_custom = builtin == schema.BuiltinOperator.CUSTOM
    custom_name = (code.customCode or b"").decode("utf-8", "replace")
    return TfliteOp(
        name=custom_name or "CUSTOM" if is_custom else _OPS.get(builtin, f"op {builtin}"),
        is_custom=is_custom,
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
