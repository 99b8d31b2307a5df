"""The detections of edged are those of the plain path, in every pixel format, on real pictures and clips and on generated scenes.

Packed and gray pixels give the same tensor to the last bit. Planes cannot: they are resized before the conversion, the plain path converts
first. That changes the tensor by less than a grey level on average, which moves some boxes of a quantised model by a few per cent: noise of one
level on the plain path's own tensor moves as many.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.bundled import model_path
from edged.cameras.clips import open_clip
from edged.config.settings import ModelSettings
from edged.marks.draw import MARK_LABELS
from edged.marks.synthetic_scene import SyntheticScene
from edged.model.load import Model, load_model
from edged.pictures.decode import read_picture
from edged.types import Frame, PixelFormat
from support import plain_path
from support.data_files import data_file
from support.pictures import run_inference
from support.pixel_formats import as_format
from support.reference_decode import Found, overlap

pytestmark = pytest.mark.runtime

COCO_SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
YOLOX = "models/yolox_nano_float16_quantize.tflite"
MODELS = (COCO_SSD, YOLOX, "marks", "marks-raw")
PICTURES = ("cat_720p.jpg", "cats_and_dogs.jpg", "grace_hopper.bmp", "multi_objects.jpg")
CLIPS = ("bottle-detection.mp4", "one-by-one-person-detection.mp4")
SIZES = ((1280, 720), (641, 361), (300, 300))
STRIDE_PADDING = (0, 14, 6)
"""One for each size."""
MIN_SCORE = 0.5


@cache
def opened(name: str) -> Model:
    path = data_file(name) if "/" in name else model_path(name)
    return load_model(ModelSettings(path=path))


def pictures(model: str) -> Iterator[np.ndarray]:
    if "/" not in model:
        scene = SyntheticScene(
            width=1280, height=720, fps=15.0, seed=3, labels=MARK_LABELS, interval_s=2.0, duration_s=6.0, noise=4.0
        )  # fmt: skip
        yield from (scene.render_frame(index) for index in (45, 85, 125))
        return
    yield from (read_picture(data_file(f"images/{name}")) for name in PICTURES)
    for name in CLIPS:
        yield from clip_frames(data_file(f"video/{name}"), (90, 150))


def clip_frames(path: Path, numbers: Sequence[int]) -> Iterator[np.ndarray]:
    clip = open_clip(path, None)
    for number, picture in enumerate(clip.pictures):
        if number in numbers:
            yield picture.bgr
        if number == max(numbers):
            clip.pictures.close()


def frames(model: str, layout: PixelFormat) -> Iterator[Frame]:
    for bgr in pictures(model):
        for size, padding in zip(SIZES, STRIDE_PADDING, strict=True):
            yield as_format(cv2.resize(bgr, size), layout, padding)


def fast_path(model: Model, frame: Frame, min_score: float) -> list[Found]:
    found = run_inference(model, frame, min_score)
    rows = zip(found.boxes.tolist(), found.scores.tolist(), found.class_ids.tolist(), strict=True)
    return [Found((x1, y1, x2, y2), score, label) for (x1, y1, x2, y2), score, label in rows]


def best_overlaps(wanted: list[Found], found: list[Found]) -> list[float]:
    """Return for each wanted detection its best overlap with a detection of the same class."""
    return [
        max((overlap(one.box, other.box) for other in found if other.class_id == one.class_id), default=0.0)
        for one in wanted
    ]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("layout", [PixelFormat.BGR24, PixelFormat.RGB24, PixelFormat.GRAY8])
def test_packed_and_gray_frames_give_the_plain_paths_tensor_and_detections(
    layout: PixelFormat, name: str
) -> None:
    model, count = opened(name), 0
    for frame in frames(name, layout):
        tensor = model.encoder(frame).array
        assert np.array_equal(tensor, plain_path.make_tensor(frame, model.family.input))
        plain = plain_path.detect(model, frame, MIN_SCORE)
        fast = fast_path(model, frame, MIN_SCORE)
        assert [one.class_id for one in fast] == [one.class_id for one in plain]
        assert all(iou >= 0.98 for iou in best_overlaps(plain, fast))
        count += len(plain)
    assert count > 10


@pytest.mark.parametrize("name", MODELS)
def test_planar_frames_give_nearly_the_plain_paths_tensor_and_detections(name: str) -> None:
    model, overlaps = opened(name), []
    for frame in frames(name, PixelFormat.YUV420P):
        tensor = plain_path.make_tensor(frame, model.family.input)
        assert np.abs(model.encoder(frame).array.astype(float) - tensor).mean() < 1.5
        plain = plain_path.detect(model, frame, MIN_SCORE)
        overlaps += best_overlaps(plain, fast_path(model, frame, MIN_SCORE - 0.1))
    assert len(overlaps) > 10
    assert np.median(overlaps) >= 0.98
    assert np.mean(np.array(overlaps) >= 0.98) >= 0.6
    assert np.mean(np.array(overlaps) >= 0.9) >= 0.95
