"""The configurations of measured daemons."""

from pathlib import Path

import numpy as np
import pytest

from edged.bench.daemon_config import (
    CYCLE,
    EMPTY_EVERY_S,
    MOVING_EVERY_S,
    daemon_config,
    health_table,
    replay_camera,
    synthetic_camera,
)
from edged.cameras.synthetic import SyntheticCamera
from edged.cameras.synthetic_settings import SyntheticSettings
from edged.config.load import load_config
from edged.config.settings import Settings
from support.clock import FakeClock


def load(tmp_path: Path, tables: list[str], model: Path | None = None) -> Settings:
    path = tmp_path / "edged.toml"
    text = daemon_config(folder=tmp_path, port=1, model=model, runtime="litert", tables=tables)
    path.write_text(text)
    return load_config(path).settings


def camera_of(settings: Settings) -> SyntheticSettings:
    driver = settings.camera["bench"].driver
    assert isinstance(driver, SyntheticSettings)
    return driver


def test_a_daemon_accepts_it(tmp_path: Path) -> None:
    clip = tmp_path / "clip.avi"
    clip.touch()
    tables = [
        synthetic_camera(640, 480, fps=30),
        replay_camera(clip, fps=30, speed="max", name="clip"),
        health_table(1.0),
    ]
    settings = load(tmp_path, tables, model=clip)
    assert settings.model.path == clip
    assert settings.health.interval_s == 1.0
    assert set(settings.camera) == {"bench", "clip"}
    assert load(tmp_path, tables).model.bundled == "marks-fast"


@pytest.mark.parametrize(("every_s", "has_marks"), [(MOVING_EVERY_S, True), (EMPTY_EVERY_S, False)])
def test_only_the_empty_scene_shows_no_mark_and_both_are_noisy(
    tmp_path: Path, every_s: float, *, has_marks: bool
) -> None:
    settings = camera_of(load(tmp_path, [synthetic_camera(96, 64, fps=30, every_s=every_s)]))
    camera = SyntheticCamera("bench", settings, FakeClock())
    indices = range(30, 30 + CYCLE)
    assert any(bool(camera.scene.get_ground_truth(index)) for index in indices) == has_marks
    assert not np.array_equal(camera.scene.render_frame(30), camera.scene.render_frame(31))
