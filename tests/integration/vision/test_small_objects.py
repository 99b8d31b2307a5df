"""Small objects in a large frame: what the bundled model finds in the whole frame, and with one run more on a region of it."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.cameras.synthetic import SyntheticCamera
from edged.cameras.synthetic_settings import SyntheticSettings
from edged.clock import NS_PER_S, SystemClock
from edged.config.settings import ModelSettings
from edged.types import Detections, Frame, PixelFormat
from edged.vision.camera_messages import CameraPlan
from edged.vision.inference_plan import InferencePlan
from edged.vision.worker.loading import LoadedModel, load_and_test
from edged.vision.worker.region_inference import RegionInference
from edged.vision.worker.stage_results import Inference
from edged.vision.worker.stages import InferencePipeline

pytestmark = pytest.mark.runtime

WIDTH, HEIGHT = 1920, 1080
SCENE_WIDTH, SCENE_HEIGHT = 256, 192
"""The scene's part of the frame, in pixels; marks of it are about 55 pixels wide."""
LEFT, TOP = 1100, 480
FRAMES = 100
MIN_SCORE, THRESHOLD, TRUTH_THRESHOLD, MIN_IOU = 0.3, 0.5, 0.6, 0.5
Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def model() -> Iterator[LoadedModel]:
    loaded = load_and_test(ModelSettings(), None)
    yield loaded
    loaded.close()


class CountingPipeline(InferencePipeline):
    """Counts its runs of the model."""

    invoke_count = 0

    def infer(self, *args: Any, **keywords: Any) -> Inference:
        self.invoke_count += 1
        return super().infer(*args, **keywords)


def scene_frames() -> Iterator[Frame]:
    settings = SyntheticSettings(
        fps=10.0, speed="max", width=640, height=480, seed=4, every_s=2.0, stay_s=6.0
    )
    camera = SyntheticCamera("scene", settings, SystemClock())
    camera.open()
    for _ in range(FRAMES):
        yield camera.grab(5.0)
    camera.close()


def make_background() -> NDArray[np.uint8]:
    rng = np.random.default_rng(1)
    coarse = rng.integers(90, 170, (27, 48, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def embed(scene: Frame, background: NDArray[np.uint8], seq: int) -> Frame:
    """Return a large frame that contains the scene, small."""
    assert scene.format is PixelFormat.BGR24
    pixels = background.copy()
    part = pixels[TOP : TOP + SCENE_HEIGHT, LEFT : LEFT + SCENE_WIDTH]
    cv2.resize(scene.pixels, (SCENE_WIDTH, SCENE_HEIGHT), dst=part, interpolation=cv2.INTER_AREA)
    at_ns = seq * NS_PER_S // 10
    return Frame(
        camera="yard",
        seq=seq,
        captured_ns=at_ns,
        received_ns=at_ns,
        pixels=pixels,
        format=PixelFormat.BGR24,
        width=WIDTH,
        height=HEIGHT,
    )


def to_large_frame(box: list[float]) -> Box:
    x1, y1, x2, y2 = box
    return (
        (LEFT + x1 * SCENE_WIDTH) / WIDTH,
        (TOP + y1 * SCENE_HEIGHT) / HEIGHT,
        (LEFT + x2 * SCENE_WIDTH) / WIDTH,
        (TOP + y2 * SCENE_HEIGHT) / HEIGHT,
    )


def has_found(detections: Detections, box: Box, class_id: int) -> bool:
    rows = zip(
        detections.boxes.tolist(),
        detections.class_ids.tolist(),
        detections.scores.tolist(),
        strict=True,
    )
    return any(
        its_class == class_id and score >= THRESHOLD and compute_iou(box, found) >= MIN_IOU
        for found, its_class, score in rows
    )


def compute_iou(one: Box, other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return width * height / (sum(areas) - width * height)


def test_one_region_doubles_what_is_found_of_small_objects(model: LoadedModel) -> None:
    pipeline = CountingPipeline(["scene", "yard"], SystemClock())
    plan = CameraPlan(min_score=MIN_SCORE, inference=InferencePlan(max_regions=1))
    regions = RegionInference(model, pipeline, {"yard": plan})
    background = make_background()
    truth_count, found = 0, [0, 0]
    for seq, scene in enumerate(scene_frames()):
        truth = pipeline.infer(model, pipeline.prepare(scene), TRUTH_THRESHOLD).detections
        prepared = pipeline.prepare(embed(scene, background, seq))
        whole = pipeline.infer(model, prepared, MIN_SCORE)
        extended = regions.extend(prepared, whole, MIN_SCORE, is_measured=True)
        for box, class_id in zip(truth.boxes.tolist(), truth.class_ids.tolist(), strict=True):
            truth_count += 1
            for index, detections in enumerate((whole.detections, extended.detections)):
                found[index] += has_found(detections, to_large_frame(box), class_id)
    assert truth_count > FRAMES
    assert pipeline.invoke_count <= (1 + 2) * FRAMES, "one on the scene, at most two on the frame"
    assert found[1] >= 2 * found[0]
    assert found[1] >= 0.4 * truth_count, (found, truth_count)


def test_tiles_find_what_lies_anywhere(model: LoadedModel) -> None:
    pipeline = InferencePipeline(["scene", "yard"], SystemClock())
    tiled = RegionInference(
        model,
        pipeline,
        {"yard": CameraPlan(min_score=MIN_SCORE, inference=InferencePlan(columns=4, rows=3))},
    )
    background = make_background()
    found = truth_count = 0
    for seq, scene in enumerate(scene_frames()):
        if seq % 10:
            continue
        truth = pipeline.infer(model, pipeline.prepare(scene), TRUTH_THRESHOLD).detections
        prepared = pipeline.prepare(embed(scene, background, seq))
        whole = pipeline.infer(model, prepared, MIN_SCORE)
        extended = tiled.extend(prepared, whole, MIN_SCORE, is_measured=False).detections
        scores = extended.scores.tolist()
        assert all(before >= after for before, after in pairwise(scores))
        for box, class_id in zip(truth.boxes.tolist(), truth.class_ids.tolist(), strict=True):
            truth_count += 1
            found += has_found(extended, to_large_frame(box), class_id)
    assert found >= 0.5 * truth_count, (found, truth_count)
