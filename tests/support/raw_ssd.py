"""The real COCO SSD without its post-process operator: the same network, whose raw heads are the outputs."""

import shutil
import struct
from pathlib import Path

from edged.model.file.flatbuffer import FlatbufferTable

_SUBGRAPHS = 2
_OUTPUTS, _OPERATORS = 2, 3
_OPERATOR_INPUTS = 1


def write_raw_ssd(source: Path, path: Path) -> Path:
    """Write a copy whose outputs are the box codes and class scores, and whose last operator, the post-process, is gone."""
    shutil.copyfile(source, path)
    content = bytearray(path.read_bytes())
    (graph,) = FlatbufferTable.read_root(bytes(content)).read_tables(_SUBGRAPHS)
    start, count = graph.locate_bytes(_OUTPUTS)
    assert count == 4  # the outputs of the operator
    inputs_at, _ = graph.read_tables(_OPERATORS)[-1].locate_bytes(_OPERATOR_INPUTS)
    content[start : start + 8] = content[inputs_at : inputs_at + 8]
    struct.pack_into("<I", content, start - 4, 2)
    operators_at, operators = graph.locate_bytes(_OPERATORS)
    struct.pack_into("<I", content, operators_at - 4, operators - 1)
    path.write_bytes(content)
    return path
