"""MediaPipe's DETECTOR_METADATA: the anchors and the coding of boxes of a detector without suppression in the graph.

Slot numbers are those of ``object_detector_metadata_schema.fbs`` (ObjectDetectorOptions; V001) and of ``metadata_schema.fbs``.
"""

import struct
from array import array

from edged.model.file.flatbuffer import FlatbufferTable
from edged.types import BoxDecoding

_OUTPUTS, _CUSTOM_METADATA = 3, 9
_CLASS_COUNT, _VALUE_COUNT = 0, 2
_SCALES = (7, 6, 9, 8)  # y, x, height, width
_EXPONENTIAL, _SIGMOID = 10, 11
_ANCHOR_FIELDS = (1, 0, 3, 2)  # centre y, centre x, height, width


def read_box_decoding(metadata: FlatbufferTable) -> BoxDecoding | None:
    """Return the decoding of the boxes from a model's metadata; None if there is none.

    Args:
        metadata: the file's ModelMetadata.

    Raises:
        FlatbufferError: the metadata is damaged.
    """
    for subgraph in metadata.read_tables(3)[:1]:
        for custom in subgraph.read_tables(_CUSTOM_METADATA):
            if custom.read_text(0) == "DETECTOR_METADATA":
                packed = custom.read_bytes(1)
                names = tuple(tensor.read_text(0) for tensor in subgraph.read_tables(_OUTPUTS))
                return _read_options(FlatbufferTable.read_root(packed), names)
    return None


def _read_options(options: FlatbufferTable, names: tuple[str, ...]) -> BoxDecoding | None:
    anchors, decoding = options.read_table(1), options.read_table(2)
    fixed_anchors = anchors and anchors.read_table(0)
    if fixed_anchors is None or decoding is None:
        return None
    y, x, height, width = (_read_float(decoding, slot) for slot in _SCALES)
    values = array("f", fixed_anchors.read_float_rows(0, _ANCHOR_FIELDS))
    return BoxDecoding(
        packed_anchors=values.tobytes(),
        class_count=decoding.read_integer(_CLASS_COUNT, "i"),
        value_count=decoding.read_integer(_VALUE_COUNT, "i"),
        scales=(y, x, height, width),
        has_exponential_sizes=bool(decoding.read_integer(_EXPONENTIAL, "B")),
        has_logits=bool(decoding.read_integer(_SIGMOID, "B")),
        output_names=names,
    )


def _read_float(table: FlatbufferTable, slot: int) -> float:
    (value,) = struct.unpack("<f", struct.pack("<I", table.read_integer(slot, "I")))
    return float(value)
