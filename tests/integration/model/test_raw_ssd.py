"""The heads of the real COCO SSD are decoded by edged as its own post-process operator decodes them."""

import numpy as np
import pytest

from edged.config.settings import ModelSettings
from edged.model.acceptance import run_acceptance_test
from edged.model.load import Model, load_model
from edged.scene.box_arrays import iou_matrix
from support.data_files import data_file
from support.pictures import read_frame, run_inference
from support.raw_ssd import write_raw_ssd

pytestmark = pytest.mark.runtime

SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
PICTURES = ["cat_720p.jpg", "group_photo.jpg", "cats_and_dogs.jpg", "grace_hopper.bmp"]
_MAX_DETECTIONS = 10
"""Number of detections that the file's operator gives at most."""
_ANCHOR_STEP = 0.0065
"""Step of the operator's quantised anchors, fractions of the picture."""
_SAME_OBJECT, _SAME_SCORE = 0.5, 1 / 512


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    raw = write_raw_ssd(data_file(SSD), tmp_path_factory.mktemp("raw") / "raw.tflite")
    return load_model(ModelSettings(path=data_file(SSD))), load_model(ModelSettings(path=raw))


def test_the_heads_are_recognised_and_accepted(models: tuple[Model, Model]) -> None:
    assert [model.family.name for model in models] == ["ssd", "ssd-anchors"]
    run_acceptance_test(models[1])


@pytest.mark.parametrize("picture", PICTURES)
def test_the_detections_are_those_of_the_operator(
    models: tuple[Model, Model], picture: str
) -> None:
    """The operator's own anchors are quantised, and it suppresses across classes: some suppressed boxes differ."""
    frame = read_frame(data_file(f"images/{picture}"))
    wanted, got = (run_inference(model, frame, 0.4) for model in models)
    assert len(wanted) >= 1
    overlaps = iou_matrix(wanted.boxes, got.boxes)
    assert len(wanted) == _MAX_DETECTIONS or (overlaps.max(axis=0) >= _SAME_OBJECT).all()
    for row, (score, class_id) in enumerate(zip(wanted.scores, wanted.class_ids, strict=True)):
        label = models[0].label_of(int(class_id))
        named = np.array([models[1].label_of(int(i)) == label for i in got.class_ids])
        assert overlaps[row, named].max() >= _SAME_OBJECT
        same = named & (np.abs(got.scores - score) < _SAME_SCORE)
        if same.any():
            moved = np.abs(got.boxes[same] - wanted.boxes[row]).max(axis=1)
            assert moved.min() < _ANCHOR_STEP
    assert np.isclose(got.scores[0], wanted.scores[0], atol=_SAME_SCORE)
