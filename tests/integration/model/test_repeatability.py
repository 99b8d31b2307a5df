"""A model answers alike at each load, or it is refused: real files, each loaded in filled memory, and files that cannot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.model.acceptance import load_accepted_model
from edged.selftest.process import self_test_model
from support.data_files import data_file
from support.model_files import ModelWriter, OutputPlan

pytestmark = pytest.mark.runtime

ROWS = 20
REASONS = r"differently at each load|contain NaN|scores reach"
"""The first, or what is wrong in any case if the process had such memory twice."""


def reads_unwritten_memory() -> bytes:
    """Return an SSD whose rows beyond the count are read, too: the post-process leaves them as they were."""
    writer = ModelWriter()
    codes = OutputPlan(values=np.zeros((1, ROWS, 4)), high=4)
    scores = np.zeros((1, ROWS, 4))
    scores[0, :3, 1] = 0.9
    places = np.linspace(0.1, 0.9, ROWS)
    anchors = np.stack([places, places, np.full(ROWS, 0.2), np.full(ROWS, 0.2)], axis=1)
    boxes, classes, found, _ = writer.postprocess(
        codes,
        OutputPlan(values=scores, gain=0.05 * (scores > 0)),
        anchors,
        max_detections=ROWS,
        max_classes_per_detection=1,
        num_classes=3,
        nms_score_threshold=0.5,
        nms_iou_threshold=0.5,
        y_scale=10.0,
        x_scale=10.0,
        h_scale=5.0,
        w_scale=5.0,
    )
    columns = [boxes]
    for tensor in (found, classes):
        columns.append(writer.tensor((1, ROWS, 1)))
        writer.operator("RESHAPE", [tensor, writer.integers([1, ROWS, 1])], columns[-1:])
    rows = writer.tensor((1, ROWS, 6))
    writer.operator("CONCATENATION", columns, [rows])
    writer.declare(rows)
    return writer.write()


def is_random() -> bytes:
    """Return a detector with a generator of random numbers without a seed."""
    writer = ModelWriter()
    noise, rows = writer.tensor((1, ROWS, 6)), writer.tensor((1, ROWS, 6))
    writer.operator("RANDOM_UNIFORM", [writer.integers([1, ROWS, 6])], [noise])
    values = np.random.default_rng(1).uniform(0.0, 0.4, (1, ROWS, 6))
    values[..., 2:4] += 0.4
    values[..., 5] = 0.0
    writer.operator("ADD", [writer.values(OutputPlan(values=values, gain=0.1)), noise], [rows])
    writer.declare(rows)
    return writer.write()


@pytest.mark.parametrize("make", [reads_unwritten_memory, is_random])
def test_a_file_that_answers_differently_at_each_load_is_refused_every_time(
    tmp_path: Path, make: Callable[[], bytes]
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(make())
    with pytest.raises(ModelError, match=REASONS):
        self_test_model(ModelSettings(path=path))
    for _ in range(5):
        with pytest.raises(ModelError, match=REASONS):
            load_accepted_model(ModelSettings(path=path))


@pytest.mark.parametrize(
    "name",
    [
        "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite",
        "mobilenet_v1_0.25_128_quant.tflite",
        "yolox_nano_float16_quantize.tflite",
    ],
)
def test_real_models_answer_alike_in_memory_that_was_filled_before(name: str) -> None:
    for _ in range(3):
        model = load_accepted_model(ModelSettings(path=data_file(f"models/{name}")))
        model.interpreter.close()


def test_more_threads_are_no_reason_to_refuse_a_model() -> None:
    """With two threads the post-process orders equal scores differently at each load, and half of the loads differ."""
    for _ in range(6):
        model = load_accepted_model(ModelSettings(threads=2))
        assert model.settings.threads == 2
        model.interpreter.close()
