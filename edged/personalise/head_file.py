"""The trained layer in a model file: where its constants lie, and a copy of the file with others.

FlatBuffers hold constants as plain bytes of a fixed size, so that they can be replaced where they are.
Slot numbers are those of ``schema.fbs``: Model, OperatorCode, SubGraph, Operator, Tensor, Buffer.
"""

import io
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edged.errors import ConfigError, ModelError
from edged.model.file.content import open_model_file
from edged.model.file.flatbuffer import FlatbufferTable
from edged.model.file.graph import read_graph
from edged.model.file.label_list import LabelError
from edged.model.file.labels import parse_labels
from edged.types import F32

_CODES, _SUBGRAPHS, _BUFFERS = 1, 2, 4
_TENSORS, _OPERATORS = 0, 3
_SHAPE, _TYPE, _BUFFER = 0, 1, 2
_FULLY_CONNECTED, _FLOAT32 = 9, 0
_FLOAT_BYTES = 4
_LAYER_INPUTS = 3
_UNUSED_LABEL = "???"
_DEFAULT_LABELS_FILE = "labels.txt"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class HeadLocation:
    """The constants of the last layer in a file.

    Attributes:
        classes: number of its classes, K.
        features: number of its features, C.
        weights_offset: byte offset of its weights, (K, C) float32.
        bias_offset: byte offset of its bias, (K,) float32.
    """

    classes: int
    features: int
    weights_offset: int
    bias_offset: int


def locate_head(path: Path) -> HeadLocation:
    """Find the last layer of a classifier.

    Raises:
        ModelError: the file cannot be read, or does not end with a float layer whose constants are its own.
    """
    number = read_graph(path).entry_point.subgraph
    with open_model_file(path) as model:
        graph = model.read_tables(_SUBGRAPHS)[number]
        inputs = _find_last_layer(model, graph)
        tensors = graph.read_tables(_TENSORS)
        places = [_locate_constant(model, tensors[index]) for index in inputs[1:]]
    return _check_places(path, places)


def _locate_constant(
    model: FlatbufferTable, tensor: FlatbufferTable
) -> tuple[int, int, tuple[int, ...]]:
    """Return offset, size and shape of a float constant; the size is 0 if it is none, or other tensors share it."""
    number = tensor.read_integer(_BUFFER, "I")
    offset, size = model.read_tables(_BUFFERS)[number].locate_bytes(0)
    shape = tensor.read_vector(_SHAPE, item_size=4)
    users = [
        one.read_integer(_BUFFER, "I")
        for graph in model.read_tables(_SUBGRAPHS)
        for one in graph.read_tables(_TENSORS)
    ].count(number)
    is_usable = users == 1 and tensor.read_integer(_TYPE, "b") == _FLOAT32
    return offset, size * is_usable, struct.unpack(f"<{len(shape) // 4}i", shape)


def patch_head(content: bytes, location: HeadLocation, weights: F32, bias: F32) -> bytes:
    """Return the file's content with other constants.

    Args:
        content: the whole file.
        location: where they are.
        weights: (K, C) float32.
        bias: (K,) float32.
    """
    patched = bytearray(content)
    for offset, values in ((location.weights_offset, weights), (location.bias_offset, bias)):
        packed = values.astype("<f4").tobytes()
        patched[offset : offset + len(packed)] = packed
    return bytes(patched)


def replace_labels(content: bytes, labels: Sequence[str], classes: int, file: str) -> bytes:
    """Return a model file with other labels in the zip at its end; the same input gives the same bytes.

    Args:
        content: the whole file.
        labels: names of the first classes.
        classes: number of all classes; the others have no name.
        file: the label file in the zip; "" if there is none.

    Raises:
        ConfigError: the daemon would read other names in such a file.
        ModelError: the zip is damaged.
    """
    graph, files = _split_files(content)
    unused = [_UNUSED_LABEL] * (classes - len(labels))
    files[file or _DEFAULT_LABELS_FILE] = _pack_labels((*labels, *unused))
    result = io.BytesIO(graph)
    with zipfile.ZipFile(result, "a", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_DATE), data)
    return result.getvalue()


def _split_files(content: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Split a model file into the part before the zip, and the files in it."""
    stream = io.BytesIO(content)
    if not zipfile.is_zipfile(stream):
        return content, {}
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            begin = min((one.header_offset for one in entries), default=archive.start_dir)
            return content[:begin], {one.filename: archive.read(one) for one in entries}
    except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError) as error:
        raise ModelError(f"the files packed into the model cannot be read: {error}") from error


def _find_last_layer(model: FlatbufferTable, graph: FlatbufferTable) -> tuple[int, ...]:
    """Return the input tensors of the last fully connected operator; () if there is none with weights and bias."""
    codes = [
        max(code.read_integer(0, "b"), code.read_integer(3, "i"))
        for code in model.read_tables(_CODES)
    ]
    for operator in reversed(graph.read_tables(_OPERATORS)):
        if codes[operator.read_integer(0, "I")] == _FULLY_CONNECTED:
            content = operator.read_vector(1, item_size=4)
            inputs = struct.unpack(f"<{len(content) // 4}i", content)
            return inputs if len(inputs) == _LAYER_INPUTS and min(inputs) >= 0 else ()
    return ()


def _check_places(path: Path, places: Sequence[tuple[int, int, tuple[int, ...]]]) -> HeadLocation:
    match places:
        case [(weights, size, (classes, features)), (bias, bias_size, (bias_classes,))] if (
            size == classes * features * _FLOAT_BYTES
            and bias_size == classes * _FLOAT_BYTES
            and bias_classes == classes
        ):
            return HeadLocation(classes, features, weights, bias)
    raise _make_error(path)


def _make_error(path: Path) -> ModelError:
    return ModelError(
        f"{path} does not end with a layer that can be trained: make a model that does by `edged-models personalise`"
    )


def _pack_labels(labels: tuple[str, ...]) -> bytes:
    text = "\n".join(labels) + "\n"
    try:
        is_same = tuple(parse_labels(text)) == labels
    except LabelError:
        is_same = False
    if not is_same:
        raise ConfigError(
            "the names of the subfolders cannot be labels: one begins with # or has a line break, or all begin with a number; rename them"
        )
    return text.encode()
