"""Every model in the test data is run rightly, or refused with a sentence that names the reason."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.cli.main import main
from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.model.acceptance import run_acceptance_test
from edged.model.load import Model, load_model
from edged.registry import FAMILIES
from edged.scene.box_arrays import iou_matrix
from edged.types import Detections
from support.data_files import data_file
from support.edgetpu import build_simulator
from support.pictures import best_iou, read_frame, run_inference

pytestmark = pytest.mark.runtime

SSD = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
SSD_BARE = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite"
SSD_TF2 = "coco_ssd_v1_tf2_output_order.tflite"
YOLOX = "yolox_nano_float16_quantize.tflite"
CLASSIFIER = "mobilenet_v1_0.25_128_quant.tflite"
LABELS = {
    SSD_BARE: "coco_labelmap.txt",
    SSD_TF2: "coco_labelmap.txt",
    YOLOX: "yolox_coco_classes.txt",
}
DETECTORS = [SSD, SSD_BARE, SSD_TF2, YOLOX]
ON_EDGETPU = [
    "face-detector-quantized_edgetpu.tflite",
    "mobilenet_v1_0.25_128_quant_edgetpu.tflite",
    "ssd_mobilenet_v2_coco_quant_postprocess_segment_3_of_4_edgetpu.tflite",
]
REFUSED = {
    **dict.fromkeys(ON_EDGETPU, "compiled for the EdgeTPU"),
    "model_invoking_error.tflite": r"operator fake-op-double, which .* set model\.custom_ops\.fake-op-double",
    "traffic_model.tflite": "it has 6 outputs instead of boxes, classes, scores and count",
    "yolox_nano_int8_quantize.tflite": "of its boxes the same size",
}
# Read off the pictures by eye; each detector must agree with them, and so with the others.
CAT = [0.07, 0.14, 0.73, 0.98]
HOPPER = [0.02, 0.06, 1.0, 0.98]
TIE = [0.44, 0.69, 0.57, 0.89]
LAPTOP = [0.34, 0.63, 0.64, 0.95]
SEATED = [0.26, 0.25, 0.38, 0.67]


def opened(name: str) -> Model:
    labels = LABELS.get(name)
    return load_model(
        ModelSettings(
            path=data_file(f"models/{name}"),
            labels_file=data_file(f"models/{labels}") if labels else None,
        )
    )


def detections_of(model: Model, picture: str, label: str, min_score: float = 0.4) -> Detections:
    found = run_inference(model, read_frame(data_file(f"images/{picture}")), min_score)
    return found[np.array([model.label_of(int(i)) == label for i in found.class_ids], bool)]


def test_no_model_is_left_out() -> None:
    there = {path.name for path in data_file("models").glob("*.tflite")}
    assert there == {*DETECTORS, CLASSIFIER, *REFUSED}


@pytest.mark.parametrize("name", DETECTORS)
def test_detectors_find_what_is_in_the_pictures(name: str) -> None:
    model = opened(name)
    run_acceptance_test(model)
    assert best_iou(detections_of(model, "cat_720p.jpg", "cat"), CAT) > 0.8
    assert best_iou(detections_of(model, "grace_hopper.bmp", "person"), HOPPER) > 0.8
    assert best_iou(detections_of(model, "grace_hopper.bmp", "tie"), TIE) > 0.7
    assert best_iou(detections_of(model, "group_photo.jpg", "laptop"), LAPTOP) > 0.8
    people = detections_of(model, "group_photo.jpg", "person")
    assert len(people) >= 5
    assert best_iou(people, SEATED) > 0.7
    assert len(detections_of(model, "cats_and_dogs.jpg", "cat")) >= 2
    assert len(detections_of(model, "cat_720p.jpg", "person")) == 0


@pytest.mark.parametrize("name", [SSD_BARE, SSD_TF2])
def test_neither_metadata_nor_the_order_of_outputs_changes_what_an_ssd_sees(name: str) -> None:
    first, second = (
        run_inference(opened(n), read_frame(data_file("images/group_photo.jpg")), 0.4)
        for n in (SSD, name)
    )
    assert first.class_ids.tolist() == second.class_ids.tolist()
    assert np.diag(iou_matrix(first.boxes, second.boxes)) == pytest.approx(1.0)
    assert first.scores == pytest.approx(second.scores)


def test_the_classifier_names_the_cat() -> None:
    model = opened(CLASSIFIER)
    run_acceptance_test(model)
    found = run_inference(model, read_frame(data_file("images/cat_720p.jpg")), 0.1)
    assert found.boxes.tolist() == [[0.0, 0.0, 1.0, 1.0]]
    assert "cat" in model.label_of(int(found.class_ids[0]))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_run_rightly_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ModelError, match=REFUSED[name]):
        run_acceptance_test(opened(name))


def test_with_a_delegate_the_edgetpu_models_are_run_or_refused_for_what_they_are(
    tmp_path: Path,
) -> None:
    library = str(build_simulator(tmp_path))
    faces, classifier, segment = (
        ModelSettings(
            path=data_file(f"models/{name}"), delegate=library, delegate_options={"echo": "1"}
        )
        for name in ON_EDGETPU
    )
    run_acceptance_test(load_model(classifier))
    with pytest.raises(ModelError, match="is a model for face detection, which"):
        load_model(faces)
    with pytest.raises(ModelError, match="is a model for several inputs"):
        load_model(segment)


def test_inspect_prints_draws_and_answers_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, out = data_file("images/cat_720p.jpg"), tmp_path / "seen.png"
    command = [
        "inspect",
        str(data_file(f"models/{SSD}")),
        "--image",
        str(picture),
        "--out",
        str(out),
    ]
    assert main(command) == 0
    table = capsys.readouterr().out
    assert "family       ssd\n" in table
    assert "detected     cat 0." in table
    drawn, plain = cv2.imread(str(out)), cv2.imread(str(picture))
    assert drawn is not None
    assert plain is not None
    changed = np.argwhere((drawn != plain).any(axis=2)) / drawn.shape[:2]
    # Above the box stands its label, so its lower right corner tells.
    assert changed.max(axis=0) == pytest.approx([CAT[3], CAT[2]], abs=0.03)
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["family"] == "ssd"
    assert [found["label"] for found in report["detections"]] == ["cat"]


def test_inspect_reports_why_a_model_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(data_file("models/traffic_model.tflite"))
    assert main(["inspect", path]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith(
        "edged: traffic_model.tflite is a model for several inputs (recurrent"
    )
    assert len(sentence) <= 200
    assert main(["inspect", path, "--verbose"]) == 1
    first, *details = capsys.readouterr().err.splitlines()
    assert first == sentence
    assert "    inputs: uint8 [1, 256, 256, 3], uint8 [1, 8, 8, 320]" in details[0]
    assert sum(detail.startswith("    not ") for detail in details) == len(FAMILIES)
    assert main(["inspect", path, "--json"]) == 1
    failure = json.loads(capsys.readouterr().out)
    assert failure["error_type"] == "ModelError"
    assert [f"    {detail}" for detail in failure["details"]] == details


def test_inspect_refuses_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (
        ["--out", "x.png"],
        ["--delegate-option", "novalue"],
        ["--runtime", "onnx"],
        ["--threads", "0"],
    ):
        with pytest.raises(SystemExit) as stop:
            main(["inspect", "model.tflite", *wrong])
        assert stop.value.code == 2
    capsys.readouterr()
