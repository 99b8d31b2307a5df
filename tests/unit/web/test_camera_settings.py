"""The page's file in conf.d: written only if the whole configuration is valid and says what the page sets."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from edged.config.load import load_config
from edged.config.problems import InvalidConfigError
from edged.errors import ConfigError
from edged.web.camera_settings import DROP_IN_NAME, CameraSettingsFile, EditConflictError
from edged.web.edits import CameraEdit, ShapeEdit

CONFIG = """
[mqtt]
host = "broker"
[camera.front]
source = "synthetic"
[camera.front.zone.gate]
points = [[0, 0], [1, 0], [1, 1]]
"""
TRIANGLE = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.9))
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
CROSSED = ((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edged.toml"
    path.write_text(CONFIG)
    return path


def save(config: Path, camera: str = "front", **fields: Any) -> bool:
    page = CameraSettingsFile(config)
    version = page.describe()["version"]
    edit = {"version": version, "zone": {"gate": ShapeEdit(points=WHOLE)}, "mask": {}, **fields}
    return page.save(camera, CameraEdit(**edit))


def own_file(config: Path) -> Path:
    return config.parent / "conf.d" / DROP_IN_NAME


def test_what_is_saved_is_in_the_configuration_and_no_other_file_changes(config: Path) -> None:
    zones = {"gate": ShapeEdit(points=WHOLE), "door": ShapeEdit(points=TRIANGLE)}
    assert save(config, zone=zones, mask={"tree": ShapeEdit(points=TRIANGLE)}, threshold=0.4)
    camera = load_config(config).settings.camera["front"]
    assert list(camera.zone) == ["gate", "door"]
    assert camera.zone["door"].points == TRIANGLE
    assert camera.mask["tree"].points == TRIANGLE
    assert camera.detect.threshold == 0.4
    assert config.read_text() == CONFIG
    described = CameraSettingsFile(config).describe()["cameras"]["front"]
    assert described["threshold"] == 0.4
    assert described["zone"]["door"]["points"] == TRIANGLE


def test_saving_the_same_changes_nothing(config: Path) -> None:
    assert save(config, threshold=0.4)
    before = own_file(config).stat()
    assert not save(config, threshold=0.4)
    assert own_file(config).stat().st_mtime_ns == before.st_mtime_ns


def test_the_last_good_file_is_kept(config: Path) -> None:
    save(config, threshold=0.4)
    first = own_file(config).read_text()
    save(config, threshold=0.6)
    kept = own_file(config).with_name(f"{DROP_IN_NAME}.bak")
    assert kept.read_text() == first


@pytest.mark.parametrize("points", [CROSSED, ((0.1, 0.1), (0.2, 0.2)), ()])
def test_shapes_that_enclose_no_area_are_refused_and_nothing_is_written(
    config: Path, points: tuple[tuple[float, float], ...]
) -> None:
    zones = {"gate": ShapeEdit(points=WHOLE), "door": ShapeEdit(points=points)}
    with pytest.raises(InvalidConfigError, match="door"):
        save(config, zone=zones)
    assert not own_file(config).exists()


def test_a_camera_that_is_not_there_is_refused(config: Path) -> None:
    with pytest.raises(ConfigError):
        save(config, camera="back", zone={})
    assert not own_file(config).exists()


def test_a_file_with_priority_is_named(config: Path) -> None:
    own_file(config).parent.mkdir()
    local = own_file(config).with_name("99-local.toml")
    local.write_text("[camera.front.detect]\nthreshold = 0.9\n")
    with pytest.raises(ConfigError, match=r"99-local.toml:2: camera.front.detect.threshold"):
        save(config, threshold=0.4)
    assert not own_file(config).exists()


def test_of_two_browsers_the_second_is_refused(config: Path) -> None:
    page = CameraSettingsFile(config)
    version = page.describe()["version"]
    first = CameraEdit(version=version, zone={}, mask={}, threshold=0.3)
    assert page.save("front", first)
    with pytest.raises(EditConflictError):
        page.save("front", CameraEdit(version=version, zone={}, mask={}, threshold=0.7))
    assert load_config(config).settings.camera["front"].detect.threshold == 0.3


def test_a_configuration_that_is_broken_meanwhile_is_reported(config: Path) -> None:
    config.write_text(CONFIG + "[nonsense]\n")
    with pytest.raises(ConfigError, match="nonsense"):
        CameraSettingsFile(config).describe()


def test_a_folder_that_cannot_be_written_is_reported(config: Path) -> None:
    own_file(config).parent.write_text("in the way")
    with pytest.raises(ConfigError):
        save(config, threshold=0.4)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_of_windows_has_saved_is_read(config: Path, encoding: str) -> None:
    save(config, threshold=0.4)
    own_file(config).write_text(own_file(config).read_text(), encoding=encoding)
    assert save(config, threshold=0.5)
    assert load_config(config).settings.camera["front"].detect.threshold == 0.5


def test_a_file_that_is_no_toml_stays_as_it_is(config: Path) -> None:
    save(config, threshold=0.4)
    own_file(config).write_text("[camera")
    version = hashlib.sha256(b"[camera").hexdigest()[:16]
    edit = CameraEdit(version=version, zone={}, mask={})
    with pytest.raises(ConfigError, match=f"{DROP_IN_NAME} is not TOML: .*; mend or delete it"):
        CameraSettingsFile(config).save("front", edit)
    assert own_file(config).read_text() == "[camera"
