"""Labels and normalisation in the .tflite itself, as TensorFlow Lite's metadata (schema M001) and an appended zip.

tflite-support, which writes these, has no wheels for Python past 3.11, so the few tables are built by hand; slots and their meaning are those of
metadata_schema.fbs.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema

_RGB = 1
_IMAGE_PROPERTIES = 2
_NORMALIZATION_OPTIONS = 1
_TENSOR_VALUE_LABELS = 3
_LABELS_FILE = "labels.txt"
_NO_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the file says of itself; pixels are normalised by ``(pixel - mean) / std``."""

    name: str
    version: str
    description: str
    author: str
    licence: str
    mean: float
    std: float
    labels: tuple[str, ...]


def attach(model: bytes, card: Card, *, outputs: Sequence[str], labelled: int) -> bytes:
    """Add metadata to a .tflite.

    Args:
        model: the .tflite.
        card: what to say.
        outputs: names of the output tensors, in the file's order.
        labelled: which of them holds what the labels are for.

    Returns:
        The same model with the metadata buffer, and the labels in a zip at the end. The same input gives the same bytes.
    """
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    buffer = schema.BufferT()
    buffer.data = list(_metadata(card, outputs, labelled))
    tree.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"TFLITE_METADATA", len(tree.buffers) - 1
    others = [one for one in tree.metadata or [] if one.name != entry.name]
    tree.metadata = [*others, entry]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), b"TFL3")
    return _append_zip(bytes(builder.Output()), {_LABELS_FILE: "\n".join(card.labels) + "\n"})


def _append_zip(model: bytes, files: dict[str, str]) -> bytes:
    whole = io.BytesIO(model)
    whole.seek(0, io.SEEK_END)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _NO_DATE), text)
    return whole.getvalue()


class _Tables(flatbuffers.Builder):
    """A builder with the three things that are needed here."""

    def text(self, value: str) -> int:
        return int(self.CreateString(value))

    def offsets(self, values: Sequence[int]) -> int:
        self.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.PrependUOffsetTRelative(value)
        return int(self.EndVector())

    def floats(self, values: Sequence[float]) -> int:
        self.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.PrependFloat32(value)
        return int(self.EndVector())

    def table(self, slots: int, *, offsets: dict[int, int], enums: dict[int, int]) -> int:
        """A table with some of its slots filled."""
        self.StartObject(slots)
        for slot, offset in offsets.items():
            self.PrependUOffsetTRelativeSlot(slot, offset, 0)
        for slot, value in enums.items():
            self.PrependUint8Slot(slot, value, 0)
        return int(self.EndObject())


def _metadata(card: Card, outputs: Sequence[str], labelled: int) -> bytes:
    """The ModelMetadata flatbuffer."""
    b = _Tables(1024)
    norms = b.table(2, offsets={0: b.floats([card.mean]), 1: b.floats([card.std])}, enums={})
    unit = b.table(2, offsets={1: norms}, enums={0: _NORMALIZATION_OPTIONS})
    image = b.table(2, offsets={}, enums={0: _RGB})
    content = b.table(2, offsets={1: image}, enums={0: _IMAGE_PROPERTIES})
    units = b.offsets([unit])
    given = b.table(8, offsets={0: b.text("image"), 3: content, 4: units}, enums={})
    file = b.table(3, offsets={0: b.text(_LABELS_FILE)}, enums={2: _TENSOR_VALUE_LABELS})
    tensors = []
    for place, name in enumerate(outputs):
        files = {6: b.offsets([file])} if place == labelled else {}
        tensors.append(b.table(8, offsets={0: b.text(name), **files}, enums={}))
    graph = b.table(8, offsets={2: b.offsets([given]), 3: b.offsets(tensors)}, enums={})
    texts = {
        0: b.text(card.name),
        1: b.text(card.description),
        2: b.text(card.version),
        4: b.text(card.author),
        5: b.text(card.licence),
    }
    root = b.table(8, offsets={**texts, 3: b.offsets([graph])}, enums={})
    b.Finish(root, b"M001")
    return bytes(b.Output())
