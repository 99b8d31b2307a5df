"""Real SSDs whose detection post-process has other options: more classes for an anchor, suppression within each class."""

from pathlib import Path

import numpy as np
import pytest

from edged.config.settings import ModelSettings
from edged.model.acceptance import run_acceptance_test
from edged.model.load import Model, load_model
from support.data_files import data_file
from support.pictures import read_frame, run_inference
from support.postprocess_options import with_postprocess_options

pytestmark = pytest.mark.runtime

SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite"
MIN_SCORE = 0.3


def opened(folder: Path, **options: float) -> Model:
    path = folder / "model.tflite"
    path.write_bytes(with_postprocess_options(data_file(SSD).read_bytes(), **options))
    return load_model(ModelSettings(path=path))


@pytest.mark.parametrize(("rows_per_anchor", "valid"), [(1, 1), (3, 3), (100, 90)])
def test_no_object_is_lost_if_an_anchor_has_several_classes(
    tmp_path: Path, rows_per_anchor: int, valid: int
) -> None:
    model = opened(tmp_path, max_classes_per_detection=rows_per_anchor)
    frame = read_frame(data_file("images/group_photo.jpg"))
    tensor = model.encoder(frame)
    _, _, scores, count = model.interpreter.invoke(tensor.array)
    assert (count.tolist(), scores.shape) == ([10.0], (1, 10 * rows_per_anchor))
    # Independent of the family: the operator writes a row for each class of each anchor, as far as there are classes.
    written = np.asarray(scores, np.float32).reshape(10, rows_per_anchor)[:, :valid]
    assert (np.diff(written, axis=1) <= 0).all(), "not the classes of one anchor, best first"
    expected = np.sort(written[written >= MIN_SCORE])[::-1]
    found = run_inference(model, frame, MIN_SCORE)
    assert found.scores == pytest.approx(expected)
    assert len(found) == (10 if rows_per_anchor == 1 else 12)
    run_acceptance_test(model)


@pytest.mark.parametrize("max_detections", [50, 100])
def test_an_ssd_with_regular_suppression_is_accepted(tmp_path: Path, max_detections: int) -> None:
    """It reports the box of an anchor once for each class."""
    model = opened(tmp_path, use_regular_nms=1, max_detections=max_detections)
    run_acceptance_test(model)
    found = run_inference(model, read_frame(data_file("images/group_photo.jpg")), 0.0)
    assert len(np.unique(found.boxes, axis=0)) < len(found) == max_detections
