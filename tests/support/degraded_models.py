"""Degraded models, made from a good one: the same operators, shapes and scales, with other numbers in the layers that give the scores.

They load, pass the acceptance test, and agree with goldens that they made themselves: only a trial finds them.
"""

import struct
from collections.abc import Iterator

import numpy as np

from edged.model.file.flatbuffer import FlatbufferTable

_SUBGRAPHS, _BUFFERS = 2, 4  # of Model
_TENSORS, _OPERATORS = 0, 3  # of SubGraph
_INPUTS, _OUTPUTS = 1, 2  # of Operator
_BUFFER, _NAME = 2, 3  # of Tensor
_DATA = 0  # of Buffer
_CONVOLUTION_INPUTS = 3
"""Its input, weights and biases."""
_BLINDING_BIAS_SHIFT = 40_000
_FALSE_POSITIVE_BIAS_SHIFT = 6_000
_CLASS_ROTATION = 3

_Numbers = np.ndarray[tuple[int, ...], np.dtype[np.signedinteger]]
_Extent = tuple[int, int]
"""Offset in the file and number of bytes."""


def blinded(model: bytes) -> bytes:
    """Return a model that finds nothing."""
    return _shifted(model, -_BLINDING_BIAS_SHIFT)


def noisy(model: bytes) -> bytes:
    """Return a model that gives every mark the wrong label, and finds marks in the background."""
    degraded = bytearray(model)
    for weights, biases in _score_layers(model):
        rows = _numbers(model, weights, "i1").reshape(biases[1] // 4, -1)
        _write(degraded, weights, np.roll(rows, _CLASS_ROTATION, axis=0))
        _write(degraded, biases, np.roll(_numbers(model, biases, "<i4"), _CLASS_ROTATION))
    return _shifted(bytes(degraded), _FALSE_POSITIVE_BIAS_SHIFT)


def _shifted(model: bytes, by: int) -> bytes:
    degraded = bytearray(model)
    for _, biases in _score_layers(model):
        _write(degraded, biases, _numbers(model, biases, "<i4") + np.int32(by))
    return bytes(degraded)


def _score_layers(model: bytes) -> Iterator[tuple[_Extent, _Extent]]:
    """Yield weights and biases of the convolutions that give the scores; their names in the file contain "score"."""
    root = FlatbufferTable.read_root(model)
    (graph,) = root.read_tables(_SUBGRAPHS)
    tensors, buffers = graph.read_tables(_TENSORS), root.read_tables(_BUFFERS)
    found = 0
    for operator in graph.read_tables(_OPERATORS):
        inputs = _indices(model, operator, _INPUTS)
        output = _indices(model, operator, _OUTPUTS)[0]
        if "_score/" in tensors[output].read_text(_NAME) and len(inputs) == _CONVOLUTION_INPUTS:
            weights, biases = (
                buffers[tensors[one].read_integer(_BUFFER, "I")] for one in inputs[1:]
            )
            yield weights.locate_bytes(_DATA), biases.locate_bytes(_DATA)
            found += 1
    assert found, "this model has no score layers"


def _indices(model: bytes, operator: FlatbufferTable, slot: int) -> tuple[int, ...]:
    start, count = operator.locate_bytes(slot)
    return struct.unpack_from(f"<{count}i", model, start)


def _numbers(model: bytes, extent: _Extent, kind: str) -> _Numbers:
    start, size = extent
    return np.frombuffer(model[start : start + size], kind)


def _write(model: bytearray, extent: _Extent, numbers: _Numbers) -> None:
    start, size = extent
    model[start : start + size] = numbers.tobytes()
