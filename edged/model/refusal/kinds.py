"""Kinds of models that edged does not run, so that a refusal can name them: pose, segmentation, audio, text and others.

`explain_kind` is asked when no family fits; `find_refused_kind` (yolo_kinds.py) before any family. Layouts: MediaPipe (BlazeFace,
palm and BlazePose detectors, face mesh), MoveNet, PoseNet, SimCC (RTMPose), DeepLab, EAST, YAMNet and BERT, as published.
"""

from collections.abc import Callable, Sequence
from math import prod

from edged.model.layouts import find_picture_size
from edged.model.refusal.yolo_kinds import UnsupportedKind, find_yolo_kind
from edged.types import ModelSignature, TensorInfo

_BODY_KEYPOINTS = 17
_SIMCC_KEYPOINTS = (17, 21, 26, 133)
_MEDIAPIPE_DETECTORS = {12: "pose detection", 16: "face detection", 18: "palm detection"}
"""Columns of MediaPipe's anchor heads: 4 of the box, 2 for each keypoint."""
_LANDMARK_SIZES = {
    1404: "face landmarks",
    1434: "face landmarks",
    136: "face landmarks",
    63: "hand landmarks",
    195: "pose",
}
_MIN_AUDIO_SAMPLES = 4000
_EAST_CHANNELS = [1, 5]
_MAX_SHAPES = 2
_MIN_FEATURES = 256
_YOLO_ANCHORS = 3
_MIN_YOLO_COLUMNS = 6
"""Of box, objectness and one class."""

_Shapes = list[tuple[int, ...]]


def explain_kind(signature: ModelSignature) -> UnsupportedKind | None:
    """Return the kind of a model that no family fits; None if it is not known either."""
    kind = find_yolo_kind(signature) or _find_post_processor(signature)
    if kind is not None:
        return kind
    for find_name in _RULES:
        name = find_name(signature)
        if name is not None:
            return UnsupportedKind(name=name, evidence=describe_shapes(signature))
    return None


def _find_post_processor(signature: ModelSignature) -> UnsupportedKind | None:
    """Recognise a D-FINE or RT-DETR that scales its boxes to a picture whose size is a second input."""
    if not any("orig_target_sizes" in tensor.name for tensor in signature.inputs):
        return None
    return UnsupportedKind(
        name="several inputs",
        evidence="a DETR's post-processor reads orig_target_sizes",
        advice="export the model without it",
    )


def describe_shapes(signature: ModelSignature) -> str:
    """Return the shapes of the first inputs and outputs, as ``[1, 224, 224, 3] to [1, 1000]``."""
    return f"{_join_shapes(signature.inputs)} to {_join_shapes(signature.outputs)}"


def _join_shapes(tensors: Sequence[TensorInfo]) -> str:
    shown = ", ".join(str(list(tensor.shape)) for tensor in tensors[:_MAX_SHAPES])
    more = f" and {len(tensors) - _MAX_SHAPES} more" if len(tensors) > _MAX_SHAPES else ""
    return f"{shown}{more}" or "nothing"


def _output_shapes(signature: ModelSignature) -> _Shapes:
    return [tensor.shape for tensor in signature.outputs]


def _name_by_input(signature: ModelSignature) -> str | None:
    """Recognise what is no picture: text, audio, other numbers."""
    if not signature.inputs:
        return None
    tensor = signature.inputs[0]
    if tensor.dtype in {"bytes", "object", "str", "int32", "int64"} and len(tensor.shape) <= 2:  # noqa: PLR2004 - a batch of tokens
        return "text"
    if len(tensor.shape) > 3:  # noqa: PLR2004 - a batch of sequences
        return None
    is_long = prod(tensor.shape) == max(tensor.shape, default=0) >= _MIN_AUDIO_SAMPLES
    return "audio" if is_long else "sensor values or feature vectors"


def _name_by_other_input(signature: ModelSignature) -> str | None:
    """Recognise several inputs, a video, and a part of a pipeline."""
    if len(signature.inputs) > 1:
        return "several inputs (recurrent, or part of a pipeline)"
    shape = signature.inputs[0].shape if signature.inputs else ()
    if len(shape) == 5:  # noqa: PLR2004 - batch, time and a picture
        return "video"
    if len(shape) == 4 and not {1, 3} & {shape[1], shape[3]}:  # noqa: PLR2004 - a batch of feature maps
        return "feature maps (part of a pipeline)"
    return None


def _name_keypoints(signature: ModelSignature) -> str | None:
    match _output_shapes(signature):
        case [(1, 1, 17, 3)] | [(1, 6, 56)]:
            return "pose"
        case [(1, k, _), (1, m, _)] if k == m and k in _SIMCC_KEYPOINTS:
            return "pose"
        case [(1, _, _, depth), *_] | [_, (1, _, _, depth), *_] if depth == _BODY_KEYPOINTS:
            return "pose"
        case [(1, depth, _, _), *_] if depth == _BODY_KEYPOINTS:
            return "pose"
    return None


def _name_landmarks(signature: ModelSignature) -> str | None:
    shapes = _output_shapes(signature)
    widths = sorted(shape[2] for shape in shapes if len(shape) == 3)  # noqa: PLR2004 - [1, N, columns]
    if widths in ([2, 4, 10], [1, 4, 10]) or (len(shapes) == 9 and widths.count(10) == 3):  # noqa: PLR2004 - SCRFD's three strides
        return "face landmarks"
    names = [_LANDMARK_SIZES[prod(s)] for s in shapes if prod(s) in _LANDMARK_SIZES]
    return names[0] if names else None


def _name_mediapipe(signature: ModelSignature) -> str | None:
    shapes = _output_shapes(signature)
    depths = [s[2] for s in shapes if len(s) == 3]  # noqa: PLR2004 - [1, N, columns]
    if len(shapes) == len(depths) and sorted(depths)[:1] == [1]:
        return _MEDIAPIPE_DETECTORS.get(max(depths))
    return None


def _name_map(signature: ModelSignature) -> str | None:
    """Recognise outputs that are maps of the picture: segmentation, depth, pictures, text detection."""
    size, shapes = find_picture_size(signature), _output_shapes(signature)
    maps = [shape for shape in shapes if len(shape) == 4]  # noqa: PLR2004 - [1, H, W, C]
    if not size or len(maps) != len(shapes) or not maps:
        return None
    if sorted(shape[3] for shape in maps) == _EAST_CHANNELS:
        return "text detection"
    if len(maps) > 1:
        return None
    _, height, width, depth = maps[0]
    if height < width == depth:  # channels first
        height, depth = depth, height
    if depth > max(height, width):
        return None
    if height * 8 <= size[1]:
        return None  # a coarse map, as FOMO's
    names = {1: "masks or depth", 3: "pictures"}
    return names.get(depth, "segmentation")


def _name_raw_yolo(signature: ModelSignature) -> str | None:
    """Recognise grids with three anchors for each cell, before their decoding: YOLOv3 to v7."""
    size, shapes = find_picture_size(signature), _output_shapes(signature)
    if not size or len(shapes) not in (2, 3):
        return None
    depths = {_grid_depth(shape, size) for shape in shapes}
    depth = depths.pop()
    is_anchors = depth % _YOLO_ANCHORS == 0 and depth // _YOLO_ANCHORS >= _MIN_YOLO_COLUMNS
    return "YOLO without decoding (YOLOv3 to v7)" if not depths and is_anchors else None


def _grid_depth(shape: tuple[int, ...], size: tuple[int, int]) -> int:
    """Return the number of values for each cell of a grid of a YOLO's strides; 0 if the output is none."""
    for stride_px in (8, 16, 32):
        rest = list(shape[1:])
        try:
            rest.remove(size[1] // stride_px)
            rest.remove(size[0] // stride_px)
        except ValueError:
            continue
        return prod(rest) if rest else 0
    return 0


def _name_features(signature: ModelSignature) -> str | None:
    """Recognise a feature map: deeper than its sides."""
    match _output_shapes(signature):
        case [(1, height, width, depth)] if 1 < max(height, width) < depth >= _MIN_FEATURES:
            return "features (a backbone, or a head without decoding)"
    return None


def _name_number(signature: ModelSignature) -> str | None:
    is_number = [prod(shape) for shape in _output_shapes(signature)] == [1]
    return "one number (regression, or one sigmoid)" if is_number else None


_RULES: tuple[Callable[[ModelSignature], str | None], ...] = (
    _name_by_input,
    _name_by_other_input,
    _name_mediapipe,
    _name_keypoints,
    _name_landmarks,
    _name_raw_yolo,
    _name_map,
    _name_features,
    _name_number,
)
