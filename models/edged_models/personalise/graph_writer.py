"""Adds operators, constants and signatures to an unpacked .tflite."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

_TYPES = {"float32": schema.TensorType.FLOAT32, "int32": schema.TensorType.INT32}
_MAX_OLD_CODE = 127


class GraphWriter:
    """Appends to one subgraph of a model.

    Args:
        model: the model that is changed.
        graph: its subgraph.
    """

    def __init__(self, model: schema.ModelT, graph: schema.SubGraphT) -> None:
        self._model = model
        self._graph = graph

    def add_constant(self, name: str, values: NDArray[Any]) -> int:
        """Add a constant, float32 or int32 of any shape, in a buffer of its own; return the index of its tensor."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._add_tensor(
            name, values.shape, str(values.dtype), buffer=len(self._model.buffers) - 1
        )

    def add_operator(
        self,
        code: int,
        inputs: Sequence[int],
        output: tuple[str, Sequence[int]],
        *,
        options: tuple[int, Any] | None = None,
        version: int = 1,
    ) -> int:
        """Add an operator with one float32 output, and return the index of its tensor.

        Args:
            code: builtin operator of the schema.
            inputs: indices of the tensors that it reads.
            output: name and shape of the output.
            options: type and value of its options; None for none.
            version: version of the operator.
        """
        op = schema.OperatorT()
        op.opcodeIndex = self._find_or_add_code(code, version)
        op.inputs = list(inputs)
        op.outputs = [self._add_tensor(*output, "float32")]
        if options is not None:
            op.builtinOptionsType, op.builtinOptions = options
        self._graph.operators.append(op)
        return int(op.outputs[0])

    def _add_tensor(self, name: str, shape: Sequence[int], dtype: str, *, buffer: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), _TYPES[dtype]
        tensor.buffer, tensor.hasRank = buffer, True
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _find_or_add_code(self, builtin: int, version: int) -> int:
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = builtin, version
        code.deprecatedBuiltinCode = min(builtin, _MAX_OLD_CODE)
        return add_operator_code(self._model, code)


def add_operator_code(model: schema.ModelT, code: schema.OperatorCodeT) -> int:
    """Return the index of an operator code in a model, which gets it if it does not have it."""
    wanted = (code.builtinCode, code.version, code.customCode)
    for index, known in enumerate(model.operatorCodes):
        if (known.builtinCode, known.version, known.customCode) == wanted:
            return index
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def make_signature(
    name: str, subgraph: int, inputs: Mapping[str, int], outputs: Mapping[str, int]
) -> schema.SignatureDefT:
    """Return a signature.

    Args:
        name: of the signature.
        subgraph: number of its subgraph.
        inputs: indices of its tensors, by the names of the inputs.
        outputs: the same for the outputs.
    """
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = name.encode(), subgraph
    signature.inputs = [_map_tensor(*item) for item in inputs.items()]
    signature.outputs = [_map_tensor(*item) for item in outputs.items()]
    return signature


def _map_tensor(name: str, index: int) -> schema.TensorMapT:
    mapped = schema.TensorMapT()
    mapped.name, mapped.tensorIndex = name.encode(), index
    return mapped
