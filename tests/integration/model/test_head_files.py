"""Made files with the layout of every raw or split head run on the installed runtime, float and quantised, and are read rightly."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.config.settings import ModelSettings
from edged.model.load import Model, load_model
from support.families import BOXES, CLASS_IDS, SCORES
from support.head_cases import detr, fomo, ssd_anchors, yolo_split
from support.model_files import OutputPlan, make_model
from support.pictures import frame, run_inference

pytestmark = pytest.mark.runtime

DTYPES = ["float32", "int8", "uint8", "int16"]
CASES = {"yolo-split": yolo_split, "detr": detr, "ssd-anchors": ssd_anchors}
BLACK = frame(np.zeros((64, 64, 3), np.uint8))


def make_plan(values: NDArray[np.generic], name: str) -> OutputPlan:
    numbers = np.asarray(values, np.float64)
    low, high = (float(end) for end in (min(numbers.min(), 0.0), max(numbers.max(), 0.0)))
    return OutputPlan(values=numbers, low=low, high=high, name=name)


def opened(folder: Path, content: bytes, *labels: str) -> Model:
    path = folder / "model.tflite"
    path.write_bytes(content)
    return load_model(ModelSettings(path=path, labels=labels or None))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_a_file_of_the_layout_is_recognised_and_read(name: str, dtype: str, tmp_path: Path) -> None:
    case = CASES[name]("float32")
    plans = [
        make_plan(values, tensor.name)
        for values, tensor in zip(case.outputs, case.signature.outputs, strict=True)
    ]
    model = opened(tmp_path, make_model(*plans, dtype=dtype), "a", "b", "c")
    assert model.family.name == name
    found = run_inference(model, BLACK, 0.5)
    assert [model.label_of(int(i)) for i in found.class_ids] == ["c", "a"]
    assert found.class_ids.tolist() == CLASS_IDS[:2].tolist()
    assert found.boxes == pytest.approx(BOXES[:2], abs=1e-3 if dtype == "float32" else 0.03)
    assert found.scores == pytest.approx(SCORES[:2], abs=1e-3 if dtype == "float32" else 0.03)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_fomo_is_recognised_by_its_softmax(dtype: str, tmp_path: Path) -> None:
    (grid,) = fomo("float32").outputs
    logits = np.log(np.maximum(np.asarray(grid, np.float64), 1e-3))
    plan = OutputPlan(values=logits, low=-7.0, high=0.0, activation="SOFTMAX")
    model = opened(tmp_path, make_model(plan, dtype=dtype), "a", "b", "c")
    assert model.family.name == "fomo"
    found = run_inference(model, BLACK, 0.5)
    assert [model.label_of(int(i)) for i in found.class_ids] == ["b", "a"]
    assert found.boxes == pytest.approx(np.array([[2, 1, 4, 3], [0, 7, 1, 8]]) / 8)
