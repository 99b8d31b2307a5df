"""Unpacking and packing of .tflite files without TensorFlow."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edged_models.errors import SourceError

_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16
_NO_OFFSET = 1
"""Offsets 0 and 1 mean that the buffer lies inside the tree."""
_DAMAGE_ERRORS = (
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
)
"""Errors that the FlatBuffers library raises on damaged files."""


@contextmanager
def damage_as_source_error(name: str) -> Iterator[None]:
    """Turn errors in the block into a `SourceError` that says that the file is damaged.

    Raises:
        SourceError: reading failed in the block.
    """
    try:
        yield
    except SourceError:
        raise
    except _DAMAGE_ERRORS as error:
        raise SourceError(f"{name} is damaged: {error}") from error


def unpack_model(model: bytes, name: str = "the model") -> schema.ModelT:
    """Unpack a .tflite into a tree of objects, without running it.

    Raises:
        SourceError: the file is not a .tflite, or is damaged.
    """
    if model[4:8] != _IDENTIFIER:
        raise SourceError(f"{name} is not a TensorFlow Lite model: bytes 4 to 8 are not 'TFL3'")
    with damage_as_source_error(name):
        tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
        for buffer in tree.buffers or []:
            _move_inside(buffer, model)
        return tree


def _move_inside(buffer: schema.BufferT, model: bytes) -> None:
    """Read a buffer that lies behind the tree, as files above 2 GB and those of ai-edge-quantizer have them."""
    if buffer.offset > _NO_OFFSET:
        if buffer.offset + buffer.size > len(model):
            raise ValueError(f"a buffer ends at byte {buffer.offset + buffer.size} of {len(model)}")
        buffer.data = np.frombuffer(model, np.uint8, buffer.size, buffer.offset)
        buffer.offset = buffer.size = 0


def pack_model(tree: schema.ModelT) -> bytes:
    """Pack a tree of objects into a .tflite; the same tree gives the same bytes."""
    builder = _AlignedBuilder(1024)
    builder.Finish(tree.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


class _AlignedBuilder(flatbuffers.Builder):
    """Aligns weights as the schema demands (``force_align: 16``); the generated Python code does not."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803  # the library's names
        return super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment)
