"""The graph of a model file, as far as the interpreters do not tell it: signatures, subgraphs, options of operators.

Slot numbers are those of ``schema.fbs``: Model, OperatorCode, SubGraph, Operator, SignatureDef. The names and defaults of the
options are those of ``detection_postprocess.cc`` in TensorFlow Lite.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from edged.model.file.content import open_model_file
from edged.model.file.flatbuffer import FlatbufferTable
from edged.model.file.flexbuffer import read_scalars
from edged.types import EntryPoint, OpInfo, PostprocessOptions

POSTPROCESS_OP = "TFLite_Detection_PostProcess"
DEFAULT_SIGNATURE = "serving_default"
"""The name that TensorFlow gives to the signature of a model that has one."""
_OPERATOR_CODES, _SUBGRAPHS, _SIGNATURES = 1, 2, 7
_INPUTS, _OUTPUTS, _OPERATORS = 1, 2, 3
_BUILTINS = {
    6: "DEQUANTIZE",
    14: "LOGISTIC",
    22: "RESHAPE",
    25: "SOFTMAX",
    43: "SQUEEZE",
    114: "QUANTIZE",
}
"""Names of the operators that a family looks for, by their numbers in the schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphInfo:
    """The graph that runs.

    Attributes:
        entry_point: the part of the file.
        inputs: indices of its input tensors.
        outputs: indices of its output tensors.
        ops: its operators; ``BUILTIN_<number>`` where no family needs the name.
        postprocess: options of its detection post-process; None if it has no such operator.
    """

    entry_point: EntryPoint
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    ops: tuple[OpInfo, ...]
    postprocess: PostprocessOptions | None


def read_graph(path: Path) -> GraphInfo:
    """Read the graph that runs from a model file.

    Raises:
        ModelError: the file does not exist, is not a TensorFlow Lite model, or is damaged where it is read.
    """
    with open_model_file(path) as model:
        names = [_name_operator(code) for code in model.read_tables(_OPERATOR_CODES)]
        entry_point = choose_entry_point(
            [(one.read_text(2), one.read_integer(4, "I")) for one in model.read_tables(_SIGNATURES)]
        )
        subgraphs = model.read_tables(_SUBGRAPHS)
        if entry_point.subgraph >= len(subgraphs):
            raise ValueError(f"it has no subgraph {entry_point.subgraph}")
        subgraph = subgraphs[entry_point.subgraph]
        operators = subgraph.read_tables(_OPERATORS)
        ops = tuple(_read_op(operator, names) for operator in operators)
        options = [
            _parse_postprocess_options(operator.read_bytes(5))
            for operator, op in zip(operators, ops, strict=True)
            if op.name == POSTPROCESS_OP
        ]
        return GraphInfo(
            entry_point=entry_point,
            inputs=_read_indices(subgraph, _INPUTS),
            outputs=_read_indices(subgraph, _OUTPUTS),
            ops=ops,
            postprocess=options[0] if options else None,
        )


def choose_entry_point(signatures: list[tuple[str, int]]) -> EntryPoint:
    """Choose the part of a file that runs: the default signature, else the first subgraph.

    TensorFlow sorts the signatures of a file by name, so that the first subgraph need not be the one that is meant.

    Args:
        signatures: name and number of the subgraph of each signature, in the order of the file.
    """
    names = [name for name, _ in signatures]
    subgraph = dict(signatures).get(DEFAULT_SIGNATURE, 0)
    own = next(
        (name for name in [DEFAULT_SIGNATURE, *names] if (name, subgraph) in signatures), None
    )
    others = tuple(name for name in names if name != own)
    return EntryPoint(signature=own, subgraph=subgraph, other_signatures=others)


def _name_operator(code: FlatbufferTable) -> str:
    custom = code.read_text(1)
    # The schema's old field has one byte; numbers from 127 are in the new field.
    number = max(code.read_integer(0, "b"), code.read_integer(3, "i"))
    return custom or _BUILTINS.get(number, f"BUILTIN_{number}")


def _read_op(operator: FlatbufferTable, names: list[str]) -> OpInfo:
    index = operator.read_integer(0, "I")
    if index >= len(names):
        raise ValueError(f"it has no operator code {index}")
    return OpInfo(
        name=names[index], inputs=_read_indices(operator, 1), outputs=_read_indices(operator, 2)
    )


def _read_indices(table: FlatbufferTable, slot: int) -> tuple[int, ...]:
    content = table.read_vector(slot, item_size=4)
    return struct.unpack(f"<{len(content) // 4}i", content)


def _parse_postprocess_options(content: bytes) -> PostprocessOptions:
    options = read_scalars(content)
    return PostprocessOptions(
        num_classes=int(options.get("num_classes", 0)),
        max_detections=int(options.get("max_detections", 0)),
        max_classes_per_detection=int(options.get("max_classes_per_detection", 0)),
        detections_per_class=int(options.get("detections_per_class", 100)),
        use_regular_nms=bool(options.get("use_regular_nms", False)),
        nms_score_threshold=options.get("nms_score_threshold", 0.0),
        nms_iou_threshold=options.get("nms_iou_threshold", 0.0),
    )
