"""A model that looks as good as another from the outside, and hardly sees: what an update must not leave on a device."""

from pathlib import Path

from edged.model.file.flatbuffer import FlatbufferTable

_MODEL_BUFFERS_SLOT, _BUFFER_DATA_SLOT = 4, 0
"""Slots of the tables Model and Buffer, in TensorFlow Lite's schema."""


def scramble_layer(model: Path, out: Path, *, layer: int = 1) -> None:
    """Turn the weights of one layer of a .tflite around: the same operators, shapes and scales, with no sense behind them.

    Args:
        model: what is to be spoilt.
        out: where the spoilt one goes.
        layer: which, by size, the largest being 0. Without its second largest the bundled model `marks` hardly finds anything any
            more (F1 of 0.04 with what it was, over 50 frames); without its third it finds things everywhere.
    """
    content = bytearray(model.read_bytes())
    extents = [
        table.locate_bytes(_BUFFER_DATA_SLOT)
        for table in FlatbufferTable.read_root(bytes(content)).read_tables(_MODEL_BUFFERS_SLOT)
    ]
    start, count = sorted(extents, key=lambda extent: -extent[1])[layer]
    content[start : start + count] = content[start : start + count][::-1]
    out.write_bytes(content)
