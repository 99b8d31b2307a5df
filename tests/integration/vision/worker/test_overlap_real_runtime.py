"""Overlap on a real runtime, with a real _edgetpu file and a delegate that simulates its device: no input is overwritten while it is read."""

from pathlib import Path

import numpy as np
import pytest

from edged.config.settings import ModelSettings
from edged.types import Frame
from edged.vision.worker.loading import load_and_test
from edged.vision.worker.runners import SingleModelRunner
from support.data_files import data_file
from support.edgetpu import build_simulator
from support.vision_worker import make_plan, worker_context

pytestmark = pytest.mark.runtime

MODEL = "models/mobilenet_v1_0.25_128_quant_edgetpu.tflite"
FRAMES = 30


def test_overlapped_frames_have_the_outputs_of_their_own_pictures(tmp_path: Path) -> None:
    settings = ModelSettings(
        path=data_file(MODEL),
        delegate=str(build_simulator(tmp_path)),
        delegate_options={"echo": "1", "latency_us": "4000"},
    )
    rng = np.random.default_rng(1)
    frames = [
        Frame.from_pixels(rng.integers(0, 256, (120, 160, 3), np.uint8)) for _ in range(FRAMES)
    ]
    context = worker_context(["still"], send=lambda _: None)
    loaded = load_and_test(settings, None)
    runner = SingleModelRunner(make_plan(0, settings, min_score=0.0), loaded, context)
    overlap = runner.overlap
    assert overlap is not None
    prepare = context.pipeline.prepare
    one_by_one = [runner.infer(prepare(frame)).detections for frame in frames]
    results = []
    overlap.begin(prepare(frames[0]))
    for frame in frames[1:]:
        overlap.begin(prepare(frame))
        results.append(overlap.finish().detections)
    results.append(overlap.finish().detections)
    for found, expected in zip(results, one_by_one, strict=True):
        assert found.scores.tolist() == expected.scores.tolist()
        assert found.class_ids.tolist() == expected.class_ids.tolist()
    assert len({tuple(found.class_ids.tolist()) for found in results}) > FRAMES / 2
    assert context.accelerator.close(10)
    loaded.close()
