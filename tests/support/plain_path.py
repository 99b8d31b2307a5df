"""The way from a frame to detections without any shortcut: the whole frame becomes RGB, then it is resized, and all outputs are decoded in float64."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.model.encode import fit_frame
from edged.model.load import Model
from edged.types import Channels, ColourMatrix, Fit, Frame, InputSpec, PixelFormat
from support.reference_decode import Found, coded_box, real, select

_KR_KB = {ColourMatrix.BT601: (0.299, 0.114), ColourMatrix.BT709: (0.2126, 0.0722)}


def detect(model: Model, frame: Frame, min_score: float) -> list[Found]:
    """Return what a model finds in a frame, best first, boxes as fractions of the frame."""
    return decode(model, frame, make_tensor(frame, model.family.input), min_score)


def decode(
    model: Model, frame: Frame, tensor: NDArray[np.generic], min_score: float
) -> list[Found]:
    """Return what a model finds in a tensor that was made of a frame of this size."""
    _, fit = fit_frame(model.family.input, frame.width, frame.height)
    outputs = model.interpreter.invoke(tensor)
    values = [
        real(array, output)
        for array, output in zip(outputs, model.interpreter.signature.outputs, strict=True)
    ]
    found, iou = _DECODERS[model.family.name](model, values)
    return select([_to_frame(one, fit) for one in found], min_score, iou)


def make_tensor(frame: Frame, spec: InputSpec) -> NDArray[np.generic]:
    """Return the model's input."""
    rgb = to_rgb(frame)
    (x, y, width, height), _ = fit_frame(spec, frame.width, frame.height)
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR)
    full = np.full((spec.height, spec.width, 3), float(spec.pad))
    full[y : y + height, x : x + width] = small
    if spec.channels is Channels.BGR:
        full = full[..., ::-1]
    values = (full - np.array(spec.mean)) / np.array(spec.std)
    dtype = np.dtype(spec.tensor.dtype)
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        values = np.rint(values / (spec.tensor.scale or 1.0) + spec.tensor.zero_point)
        values = np.clip(values, limits.min, limits.max)
    if spec.channels_first:
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None].astype(dtype))


def to_rgb(frame: Frame) -> NDArray[np.uint8]:
    """Return all pixels of a frame as RGB: (H, W, 3) uint8."""
    height, width = frame.height, frame.width
    pixels = frame.pixels[:height, :width]
    match frame.format:
        case PixelFormat.RGB24:
            return np.ascontiguousarray(pixels)
        case PixelFormat.BGR24:
            return np.ascontiguousarray(pixels[..., ::-1])
        case PixelFormat.GRAY8:
            return np.stack([pixels, pixels, pixels], axis=-1)
    rows, columns = (height + 1) // 2, (width + 1) // 2
    halves = frame.pixels[height:].reshape(2, rows, -1)[:, :, :columns].astype(np.float64)
    u, v = halves.repeat(2, axis=1).repeat(2, axis=2)[:, :height, :width]
    kr, kb = _KR_KB[frame.colour.matrix]
    black, luma, chroma = (0, 255, 255) if frame.colour.is_full_range else (16, 219, 224)
    y = (pixels - float(black)) / luma
    cb, cr = (u - 128) / chroma, (v - 128) / chroma
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    rgb = np.stack([red, green, blue], axis=-1) * 255
    clipped: NDArray[np.uint8] = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return clipped


def _to_frame(one: Found, fit: Fit) -> Found:
    x1, y1, x2, y2 = one.box
    box = (
        (x1 - fit.offset_x) / fit.scale_x,
        (y1 - fit.offset_y) / fit.scale_y,
        (x2 - fit.offset_x) / fit.scale_x,
        (y2 - fit.offset_y) / fit.scale_y,
    )
    return Found(box, one.score, one.class_id)


def _decode_ssd(
    model: Model, values: list[NDArray[np.float64]]
) -> tuple[list[Found], float | None]:
    order: tuple[int, ...] = getattr(model.family, "output_order")  # noqa: B009 - the family's own
    boxes, classes, scores, count = (values[i] for i in order)
    rows = range(int(count.ravel()[0]))
    found = []
    for i in rows:
        top, left, bottom, right = boxes[0, i].tolist()
        found.append(Found((left, top, right, bottom), scores[0, i], round(classes[0, i])))
    return found, None


def _decode_ssd_raw(
    model: Model, values: list[NDArray[np.float64]]
) -> tuple[list[Found], float | None]:
    codes, scores = sorted((value[0] for value in values), key=lambda table: table.shape[1] != 4)
    side = model.family.input.height
    found, cell = [], 0
    for stride in (8, 16, 32):
        count = side // stride
        for row in range(count):
            for column in range(count):
                anchor = [(row + 0.5) / count, (column + 0.5) / count, 4 / count, 4 / count]
                box = coded_box(codes[cell].tolist(), anchor, [1.0] * 4, exp=True)
                best = int(scores[cell].argmax())
                found.append(Found(box, scores[cell, best], best))
                cell += 1
    return found, 0.2


def _decode_yolox(
    model: Model, values: list[NDArray[np.float64]]
) -> tuple[list[Found], float | None]:
    side, rows = model.family.input.height, values[0][0]
    found, cell = [], 0
    for stride in (8, 16, 32):
        for row in range(side // stride):
            for column in range(side // stride):
                x, y = (rows[cell, 0] + column) * stride, (rows[cell, 1] + row) * stride
                width, height = np.exp(rows[cell, 2:4]) * stride
                best = int(rows[cell, 5:].argmax())
                box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
                scaled = [value / side for value in box]
                score = float(rows[cell, 4] * rows[cell, 5 + best])
                found.append(Found((scaled[0], scaled[1], scaled[2], scaled[3]), score, best))
                cell += 1
    return found, 0.45


_DECODERS = {"ssd": _decode_ssd, "ssd-raw": _decode_ssd_raw, "yolox": _decode_yolox}
