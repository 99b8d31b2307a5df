"""A model that was accepted before is not tested again, unless something that the test depends on has changed."""

import os
import shutil
from pathlib import Path

import pytest

from edged import bundled
from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.model import acceptance
from edged.model.acceptance_record import AcceptanceRecord
from edged.model.load import Model
from edged.vision.worker.loading import load_and_test
from support.waiting import wait_for


@pytest.fixture
def tests_made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were tested."""
    made: list[str] = []
    run = acceptance.run_acceptance_test

    def note(model: Model, **arguments: object) -> float:
        made.append(model.sha256)
        return run(model, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(acceptance, "run_acceptance_test", note)
    return made


def load(settings: ModelSettings, record: Path, goldens: Path | None = None) -> str:
    loaded = load_and_test(settings, goldens, record)
    loaded.close()
    return loaded.model.sha256


def load_and_remember(settings: ModelSettings, record: Path) -> str:
    sha256 = load(settings, record)
    wait_for(lambda: record.exists() and record.read_text().endswith("\n"))
    return sha256


def test_a_file_that_was_accepted_is_not_tested_again(
    tmp_path: Path, tests_made: list[str]
) -> None:
    record = tmp_path / "accepted-models"
    sha256 = load_and_remember(ModelSettings(), record)
    assert tests_made == [sha256]
    assert load(ModelSettings(), record) == sha256
    assert tests_made == [sha256], "the second load was tested as well"


def test_another_file_or_other_settings_are_tested(tmp_path: Path, tests_made: list[str]) -> None:
    record = tmp_path / "accepted-models"
    load_and_remember(ModelSettings(), record)
    other = tmp_path / "model.tflite"
    shutil.copy(bundled.model_path("marks-fast"), other)
    load(ModelSettings(path=other), record)
    load(ModelSettings(labels=tuple("abcdefgh")), record)
    assert len(tests_made) == 3


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"0123\nnothing\n"])
def test_a_damaged_record_costs_one_test(
    tmp_path: Path, tests_made: list[str], content: bytes
) -> None:
    record = tmp_path / "accepted-models"
    record.write_bytes(content)
    load(ModelSettings(), record)
    wait_for(lambda: len(record.read_bytes()) >= 64)
    load(ModelSettings(), record)
    assert len(tests_made) == 1


def test_a_folder_that_cannot_be_written_costs_tests_only(
    tmp_path: Path, tests_made: list[str]
) -> None:
    record = tmp_path / "absent" / "accepted-models"
    for _ in range(2):
        load(ModelSettings(), record)
    assert len(tests_made) == 2


def test_a_silent_disk_does_not_hold_up_the_load(tmp_path: Path, tests_made: list[str]) -> None:
    record = tmp_path / "accepted-models"
    os.mkfifo(record)
    writer = os.open(record, os.O_RDWR)  # what reads waits for it
    try:
        load(ModelSettings(), record)
    finally:
        os.close(writer)
    assert len(tests_made) == 1


def test_a_refused_model_is_refused_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "accepted-models"

    def refuse(*_: object, **__: object) -> float:
        raise ModelError("it is wrong")

    monkeypatch.setattr(acceptance, "run_acceptance_test", refuse)
    for _ in range(2):
        with pytest.raises(ModelError, match="it is wrong"):
            load(ModelSettings(), record)
    assert not record.exists()


def test_the_record_keeps_the_last_eight(tmp_path: Path) -> None:
    path = tmp_path / "accepted-models"
    path.write_text("".join(f"{number:064x}\n" for number in range(8)))
    model = acceptance.load_accepted_model(ModelSettings())
    record = AcceptanceRecord(path)
    assert not record.has(model)
    record.add(model)
    oldest = f"{7:064x}"
    wait_for(lambda: len(path.read_text().split()) == 8 and oldest not in path.read_text())
    lines = path.read_text().split()
    assert lines[1:] == [f"{number:064x}" for number in range(7)]
    model.interpreter.close()
