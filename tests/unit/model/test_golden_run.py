"""Runs of models on their goldens: each mismatch names its picture."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.model.golden_run import run_goldens
from edged.model.goldens import ExpectedDetection, Golden, Goldens, Tolerances, write_goldens
from edged.model.load import Model, load_model

BLOCK = (80, 60, 160, 180)
EXPECTED = ExpectedDetection(label="red", class_id=0, score=1.0, box=(0.25, 0.25, 0.5, 0.75))


@pytest.fixture
def model() -> Iterator[Model]:
    opened = load_model(ModelSettings(runtime="simulated"))
    yield opened
    opened.interpreter.close()


def painted(folder: Path, name: str, *, block: bool) -> str:
    pixels = np.full((240, 320, 3), 90, np.uint8)
    if block:
        x1, y1, x2, y2 = BLOCK
        pixels[y1:y2, x1:x2] = (20, 20, 230)
    path = folder / name
    cv2.imwrite(str(path), pixels)
    return sha256(path.read_bytes()).hexdigest()


def goldens(folder: Path, *expected: ExpectedDetection) -> Goldens:
    return Goldens(
        schema=1,
        model_sha256="0" * 64,
        made_by="test",
        min_score=0.5,
        tolerances=Tolerances(min_iou=0.8, max_score_difference=0.05),
        goldens=(
            Golden(
                picture="block.png",
                sha256=painted(folder, "block.png", block=True),
                kind="easy",
                detections=expected,
            ),
            Golden(
                picture="empty.png",
                sha256=painted(folder, "empty.png", block=False),
                kind="empty",
                detections=(),
            ),
        ),
    )


def written(folder: Path, content: Goldens) -> Path:
    path = folder / "goldens.json"
    path.write_bytes(write_goldens(content))
    return path


def test_a_model_that_finds_what_is_expected_has_no_fault(model: Model, tmp_path: Path) -> None:
    assert run_goldens(model, written(tmp_path, goldens(tmp_path, EXPECTED))) == ()


def test_a_fault_is_reported_with_its_picture(model: Model, tmp_path: Path) -> None:
    other = replace(EXPECTED, class_id=1, label="green")
    missing, surplus = run_goldens(model, written(tmp_path, goldens(tmp_path, other)))
    assert missing == "block.png: no green of 1.00 at [0.250, 0.250, 0.500, 0.750]"
    assert surplus.startswith("block.png: class 0 of 1.00")


def test_another_picture_than_was_meant_is_refused(model: Model, tmp_path: Path) -> None:
    path = written(tmp_path, goldens(tmp_path, EXPECTED))
    painted(tmp_path, "empty.png", block=True)
    with pytest.raises(ModelError, match=r"empty\.png is not the picture"):
        run_goldens(model, path)


HUGE = (
    b"BM" + bytes(12) + (40).to_bytes(4, "little") + (30_000).to_bytes(4, "little") * 2 + bytes(99)
)
"""The header of a picture of 30000 x 30000: 3.6 GB."""


@pytest.mark.parametrize("content", [b"", b"no picture", HUGE])
def test_what_is_no_picture_is_refused(model: Model, tmp_path: Path, content: bytes) -> None:
    made = goldens(tmp_path, EXPECTED)
    (tmp_path / "block.png").write_bytes(content)
    first = replace(made.goldens[0], sha256=sha256(content).hexdigest())
    path = written(tmp_path, replace(made, goldens=(first,)))
    with pytest.raises(ModelError, match=r"block\.png cannot be decoded as a picture"):
        run_goldens(model, path)


def test_what_is_missing_is_named(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read .*goldens\.json: No such file"):
        run_goldens(model, tmp_path / "goldens.json")
    path = written(tmp_path, goldens(tmp_path, EXPECTED))
    (tmp_path / "block.png").unlink()
    with pytest.raises(ModelError, match=r"cannot read .*block\.png: No such file"):
        run_goldens(model, path)
