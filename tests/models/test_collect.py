"""``edged-models collect``: what devices keep becomes a COCO set that grows, and whose labels are marked as unchecked."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edged.pictures.example import ExampleBox, ExampleNote, add_note
from edged.pictures.ring import StoredPicture
from edged_models.cli.main import main
from edged_models.pictures.open_pictures import open_pictures

WIDTH, HEIGHT = 64, 48
CAT = ExampleBox(label="cat", score=0.55, box=(0.25, 0.25, 0.75, 0.75))
PERSON = ExampleBox(label="person", score=0.9, box=(0.0, 0.0, 0.5, 1.0), is_hidden=True)


def write_example(
    folder: Path, number: int, *boxes: ExampleBox, device: str = "porch", reason: Any = "margin"
) -> Path:
    pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    note = ExampleNote(
        device=device,
        camera="front",
        model="m@1",
        reason=reason,
        taken_ms=1_790_000_000_000 + number,
        width=WIDTH,
        height=HEIGHT,
        boxes=boxes,
    )
    jpeg = add_note(cv2.imencode(".jpg", pixels)[1].tobytes(), note)
    stored = StoredPicture(
        event_id=f"5e55-{number}",
        camera="front",
        label=reason,
        taken_ms=note.taken_ms,
        size_bytes=len(jpeg),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / stored.file_name
    path.write_bytes(jpeg)
    return path


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A device's folder with two hard examples, and what does not belong there."""
    folder = tmp_path / "a device's" / "examples"
    write_example(folder, 1, CAT, PERSON)
    write_example(folder, 2, CAT, reason="request")
    (folder / "README").write_text("x")
    (folder / "1790000000003~5e55-3~front~margin.jpg").write_bytes(b"no JPEG")
    return folder


def collect(*args: object) -> int:
    return main(["collect", *map(str, args)])


def read(out: Path) -> dict[str, Any]:
    coco: dict[str, Any] = json.loads((out / "annotations.json").read_text())
    return coco


def test_the_set_is_read_by_the_other_commands_and_its_labels_are_called_unchecked(
    device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    assert collect(device, "--out", out, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    (place,) = report["places"]
    assert (place["new"], place["known"], report["pictures"]) == (2, 0, 2)
    assert place["reasons"] == {"margin": 1, "request": 1}
    assert len(place["refused"]) == 1, "that which is no JPEG"
    pictures = open_pictures(str(out))
    assert set(pictures.labels) == {"cat", "person"}
    assert [len(one.boxes) for one in pictures] == [1, 1]
    assert pictures[0].boxes[0] == pytest.approx([0.25, 0.25, 0.75, 0.75])
    assert len(pictures[0].crowd_boxes) == 1, "an object that is hidden in the picture is ignored"
    assert main(["pictures", str(out)]) == 0
    assert "unchecked" in capsys.readouterr().out


def test_a_second_run_changes_nothing_and_a_third_adds_what_is_new(
    device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    assert collect(device, "--out", out) == 0
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert collect(device, "--out", out) == 0
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    write_example(device, 9, CAT)
    assert collect(device, "--out", out) == 0
    assert "1 new (1 margin), 2 known" in capsys.readouterr().out
    assert len(read(out)["images"]) == 3
    ids = [one["id"] for one in read(out)["annotations"]]
    assert len(set(ids)) == len(ids) == 4


def test_what_a_person_has_corrected_stays(device: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    assert collect(device, "--out", out) == 0
    coco = read(out)
    coco["annotations"] = [{**coco["annotations"][0], "id": 77, "unchecked": False, "note": "mine"}]
    removed = coco["images"][1]["file_name"]
    (out / removed).unlink()
    (out / "annotations.json").write_text(json.dumps(coco))
    write_example(device, 9, CAT)
    assert collect(device, "--out", out) == 0
    after = read(out)
    assert after["annotations"][0] == coco["annotations"][0]
    assert [one["id"] for one in after["annotations"]] == [77, 78]
    assert not (out / removed).exists(), "a picture that somebody has removed is not fetched again"


def test_what_an_interrupted_collection_has_left_is_listed(device: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    assert collect(device, "--out", out) == 0
    complete = read(out)
    (out / "annotations.json").unlink()
    shutil.rmtree(device)
    device.mkdir()
    assert collect(device, "--out", out) == 0
    assert read(out) == complete


def test_a_set_of_another_form_is_not_touched(
    device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    out.mkdir()
    for text in ("{", "[]", '{"images": [{"id": "x"}]}'):
        (out / "annotations.json").write_text(text)
        assert collect(device, "--out", out) == 1
        assert capsys.readouterr().err.count("\n") == 1
        assert [path.name for path in out.iterdir()] == ["annotations.json"]
        assert (out / "annotations.json").read_text() == text


@pytest.mark.parametrize("place", ["-oProxyCommand=x", "/nowhere", "two words", ""])
def test_a_place_that_is_neither_folder_nor_host_is_refused(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["collect", "--out", str(tmp_path / "set"), "--", place]) == 1
    assert "neither a folder nor a host" in capsys.readouterr().err


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace ssh by a program that runs the command on this machine, with a shell as sshd does; no sshd is at hand.

    Returns:
        A file with one line for each call.
    """
    calls = tmp_path / "calls"
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {calls}\nwhile [ "$1" != -- ]; do shift; done\n'
        'case "$2" in dead) echo "ssh: connect to host dead port 22: No route to host" >&2; exit 255;; esac\n'
        'exec sh -c "$3"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return calls


def test_a_device_is_asked_by_ssh_only_for_what_is_new(
    device: Path, tmp_path: Path, remote: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    assert collect("pi@porch", "--folder", device, "--out", out) == 0
    assert len(read(out)["images"]) == 2
    assert all("BatchMode=yes" in line for line in remote.read_text().splitlines())
    (device / "1790000000003~5e55-3~front~margin.jpg").unlink()
    assert collect("pi@porch", "--folder", device, "--out", out) == 0
    assert "tar" not in remote.read_text().splitlines()[-1]
    assert "0 new, 2 known" in capsys.readouterr().out


def test_a_device_that_fails_does_not_keep_the_others_back(
    device: Path, tmp_path: Path, remote: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    assert collect("dead", device, "--out", out) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "dead: ssh: connect to host dead port 22: No route to host" in error
    assert len(read(out)["images"]) == 2
    assert collect("porch", "--folder", device / "nowhere", "--out", out) == 1
    assert "No such file" in capsys.readouterr().err
    assert remote.exists()


def test_pictures_in_which_nothing_was_found_are_a_set_for_calibration(tmp_path: Path) -> None:
    for number in range(20):
        write_example(tmp_path / "examples", number, reason="request")
    assert collect(tmp_path / "examples", "--out", tmp_path / "set") == 0
    pictures = open_pictures(str(tmp_path / "set"))
    assert len(pictures) == 20
