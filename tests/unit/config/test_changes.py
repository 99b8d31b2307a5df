"""The settings that a reload cannot change."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from edged.config.changes import keys_needing_restart
from edged.config.settings import (
    CameraSettings,
    DeviceSettings,
    LogSettings,
    ModelSettings,
    Settings,
    SpoolSettings,
)


class _Keys(msgspec.Struct, frozen=True):
    port: int | None = None


STARTED = Settings(
    camera={"front": CameraSettings(source="synthetic")}, publisher=("mqtt", _Keys())
)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (replace(STARTED), ()),
        (
            replace(
                STARTED, model=ModelSettings(threads=2), camera={}, log=LogSettings(level="debug")
            ),
            (),
        ),
        (replace(STARTED, device=DeviceSettings(name="other")), ("device.name",)),
        (replace(STARTED, device=DeviceSettings(state_dir=Path("/x"))), ("device.state_dir",)),
        (replace(STARTED, publisher=("mqtt", _Keys(port=1))), ("mqtt",)),
        (replace(STARTED, publisher=("jsonl", _Keys())), ("jsonl",)),
        (replace(STARTED, spool=SpoolSettings(max_mb=1)), ("spool",)),
        (
            replace(STARTED, device=DeviceSettings(name="other"), spool=SpoolSettings(max_mb=1)),
            ("device.name", "spool"),
        ),
    ],
)
def test_names_what_stays_as_it_was(wanted: Settings, expected: tuple[str, ...]) -> None:
    assert keys_needing_restart(STARTED, wanted) == expected
