"""Worse models out of a good one: the same operators, shapes and scales, with other numbers in the layers that tell marks from walls.

They load, pass the acceptance test, and agree with goldens that they have made themselves: only a trial can tell.
"""

import struct
from collections.abc import Iterator

import numpy as np

from edged.model.file.flatbuffer import Table

_SUBGRAPHS, _BUFFERS = 2, 4  # of Model
_TENSORS, _OPERATORS = 0, 3  # of SubGraph
_INPUTS, _OUTPUTS = 1, 2  # of Operator
_BUFFER, _NAME = 2, 3  # of Tensor
_DATA = 0  # of Buffer
_CONVOLUTION_INPUTS = 3
"""What comes in, weights, and biases: as many of these as there are classes."""
_TO_ALL_CLASSES = 40_000
_TO_WALLS = 6_000
_CLASSES_ON = 3

_Numbers = np.ndarray[tuple[int, ...], np.dtype[np.signedinteger]]
_Extent = tuple[int, int]
"""Where it begins in the file, and how many bytes there are."""


def blinded(model: bytes) -> bytes:
    """It finds nothing."""
    return _shifted(model, -_TO_ALL_CLASSES)


def noisy(model: bytes) -> bytes:
    """It takes each mark for another kind, and sees marks in the walls as well."""
    worse = bytearray(model)
    for weights, biases in _score_layers(model):
        rows = _numbers(model, weights, "i1").reshape(biases[1] // 4, -1)
        _put(worse, weights, np.roll(rows, _CLASSES_ON, axis=0))
        _put(worse, biases, np.roll(_numbers(model, biases, "<i4"), _CLASSES_ON))
    return _shifted(bytes(worse), _TO_WALLS)


def _shifted(model: bytes, by: int) -> bytes:
    worse = bytearray(model)
    for _, biases in _score_layers(model):
        _put(worse, biases, _numbers(model, biases, "<i4") + np.int32(by))
    return bytes(worse)


def _score_layers(model: bytes) -> Iterator[tuple[_Extent, _Extent]]:
    """Weights and biases of the convolutions that give the scores; they are named so in the file."""
    root = Table.root(model)
    (graph,) = root.tables(_SUBGRAPHS)
    tensors, buffers = graph.tables(_TENSORS), root.tables(_BUFFERS)
    found = 0
    for operator in graph.tables(_OPERATORS):
        inputs = _indices(model, operator, _INPUTS)
        output = _indices(model, operator, _OUTPUTS)[0]
        if "_score/" in tensors[output].text(_NAME) and len(inputs) == _CONVOLUTION_INPUTS:
            weights, biases = (buffers[tensors[one].integer(_BUFFER, "I")] for one in inputs[1:])
            yield weights.extent(_DATA), biases.extent(_DATA)
            found += 1
    assert found, "this model has other layers"


def _indices(model: bytes, operator: Table, slot: int) -> tuple[int, ...]:
    start, count = operator.extent(slot)
    return struct.unpack_from(f"<{count}i", model, start)


def _numbers(model: bytes, extent: _Extent, kind: str) -> _Numbers:
    start, size = extent
    return np.frombuffer(model[start : start + size], kind)


def _put(model: bytearray, extent: _Extent, numbers: _Numbers) -> None:
    start, size = extent
    model[start : start + size] = numbers.tobytes()
