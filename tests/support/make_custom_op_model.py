"""Makes custom_op.tflite: a classifier of three colours whose first operator is the custom operator of custom_op.c.

    .venv-models/bin/python tests/support/make_custom_op_model.py

It is run by hand, since the schema comes with ai-edge-litert alone, and the daemon's tests run on either runtime.
"""

import struct
from pathlib import Path

import flatbuffers  # type: ignore[import-untyped] # it has no stubs
from ai_edge_litert import schema_py_generated as schema

SIDE_PX = 32
GAIN = 10.0


def model() -> schema.ModelT:
    """Return the model: uint8 [1, 32, 32, 3] -> MeanColour, gain 10 -> SOFTMAX -> float32 [1, 3]."""
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("picture", (1, SIDE_PX, SIDE_PX, 3), schema.TensorType.UINT8),
        tensor("means", (1, 3), schema.TensorType.FLOAT32),
        tensor("scores", (1, 3), schema.TensorType.FLOAT32),
    ]
    graph.inputs, graph.outputs = [0], [2]
    mean, softmax = operator(0, reads=0, writes=1), operator(1, reads=1, writes=2)
    mean.customOptions = list(struct.pack("<f", GAIN))
    softmax.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    softmax.builtinOptions = schema.SoftmaxOptionsT()
    softmax.builtinOptions.beta = 1.0
    graph.operators = [mean, softmax]
    whole = schema.ModelT()
    whole.version = 3
    whole.operatorCodes = [
        code(schema.BuiltinOperator.CUSTOM, "MeanColour"),
        code(schema.BuiltinOperator.SOFTMAX, None),
    ]
    whole.subgraphs, whole.buffers = [graph], [schema.BufferT()]
    return whole


def tensor(name: str, shape: tuple[int, ...], kind: int) -> schema.TensorT:
    """Return a tensor without data."""
    made = schema.TensorT()
    made.name, made.shape, made.type = name, list(shape), kind
    return made


def operator(code_index: int, *, reads: int, writes: int) -> schema.OperatorT:
    """Return an operator with one input and one output."""
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code_index, [reads], [writes]
    return made


def code(builtin: int, custom: str | None) -> schema.OperatorCodeT:
    """Return an entry of the table of operators."""
    made = schema.OperatorCodeT()
    made.builtinCode, made.customCode, made.version = builtin, custom, 1
    made.deprecatedBuiltinCode = builtin
    return made


if __name__ == "__main__":
    builder = flatbuffers.Builder(1024)
    builder.Finish(model().Pack(builder), b"TFL3")
    Path(__file__).with_name("custom_op.tflite").write_bytes(bytes(builder.Output()))
