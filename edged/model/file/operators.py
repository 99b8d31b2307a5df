"""The options of a model's operators, from its graph: the interpreters do not tell them.

Slot numbers are those of ``schema.fbs``: Model, OperatorCode, SubGraph, Operator. The names and defaults of the options are
those of ``detection_postprocess.cc`` in TensorFlow Lite.
"""

from pathlib import Path

from edged.model.file.content import open_model_file
from edged.model.file.flexbuffer import read_scalars
from edged.types import PostprocessOptions

POSTPROCESS_OP = "TFLite_Detection_PostProcess"
_OPERATOR_CODES, _SUBGRAPHS = 1, 2
_OPERATORS = 3


def read_postprocess_options(path: Path) -> PostprocessOptions | None:
    """Return the options of the detection post-process in a file's first subgraph; None if it has no such operator.

    Raises:
        ModelError: the file does not exist, is not a TensorFlow Lite model, or is damaged where it is read.
    """
    with open_model_file(path) as model:
        codes = [code.read_text(1) for code in model.read_tables(_OPERATOR_CODES)]
        if POSTPROCESS_OP not in codes:
            return None
        for subgraph in model.read_tables(_SUBGRAPHS)[:1]:
            for operator in subgraph.read_tables(_OPERATORS):
                index = operator.read_integer(0, "I")
                if index < len(codes) and codes[index] == POSTPROCESS_OP:
                    return _parse_postprocess_options(operator.read_bytes(5))
        return None


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
