"""The bundled model: its metadata, and its accuracy on the synthetic camera."""

from collections.abc import Iterator
from hashlib import sha256

import numpy as np
import pytest

from edged import bundled
from edged.cameras.synthetic_settings import SyntheticSettings
from edged.config.settings import ModelSettings
from edged.marks import MARK_LABELS
from edged.marks.synthetic_scene import SyntheticScene
from edged.model.load import Model, load_model
from support.detection_accuracy import detect, measure_accuracy

SETTINGS = SyntheticSettings()
SECONDS = 60
FPS = 5.0


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    opened = load_model(ModelSettings())
    yield opened
    opened.interpreter.close()


def _stage(seed: int) -> SyntheticScene:
    return SyntheticScene(
        width=SETTINGS.width, height=SETTINGS.height, fps=FPS, seed=seed, noise=SETTINGS.noise,
        interval_s=SETTINGS.every_s, duration_s=SETTINGS.stay_s,
    )  # fmt: skip


@pytest.mark.runtime
def test_the_file_has_all_that_the_daemon_needs(model: Model) -> None:
    (tensor,) = model.interpreter.signature.inputs
    assert (tensor.shape, tensor.dtype) == ((1, 256, 256, 3), "uint8")
    assert model.family.name == "ssd"
    assert model.labels == MARK_LABELS
    assert model.interpreter.signature.metadata.licence == "Apache-2.0"
    assert bundled.model_path().stat().st_size < 600 * 1024


def test_the_card_is_of_this_file() -> None:
    file = bundled.model_path()
    assert sha256(file.read_bytes()).hexdigest() in (file.parent / "CARD.md").read_text()


@pytest.mark.runtime
def test_it_finds_what_the_default_scene_shows_and_nothing_else(model: Model) -> None:
    report = measure_accuracy(model, _stage(SETTINGS.seed), frames=int(SECONDS * FPS))
    assert len(report.visible_frames) >= SECONDS / SETTINGS.every_s - 1
    assert min(report.recall(true_id) for true_id in report.visible_frames) > 0.9, report
    # At five frames a second two in a row are six at the camera's own rate.
    assert report.longest_false_alarm < 2, report


@pytest.mark.campaign
def test_it_knows_other_scenes_as_well(model: Model) -> None:
    reports = [
        measure_accuracy(model, _stage(seed), frames=int(SECONDS * FPS)) for seed in range(2, 22)
    ]
    assert (
        min(report.recall(true_id) for report in reports for true_id in report.visible_frames) > 0.8
    )
    # Some backgrounds contain a shape that resembles a mark.
    assert sum(report.longest_false_alarm > 1 for report in reports) <= 2, reports


@pytest.mark.runtime
@pytest.mark.parametrize("level", [0, 128, 255])
def test_it_finds_nothing_where_nothing_is(model: Model, level: int) -> None:
    assert len(detect(model, np.full((480, 640, 3), level, np.uint8), min_score=0.5)) == 0
