"""Pictures that are in two sets, and the report as a page."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pictures_on_disk import write_picture, write_yolo_folder

from edged_models.cli.main import main
from edged_models.pictures.open_pictures import open_pictures
from edged_models.pictures.similarity import (
    Fingerprint,
    compute_fingerprint,
    find_repeated,
    find_similar,
)

Image = NDArray[np.uint8]
BOX = "0 0.5 0.5 0.2 0.4"


@pytest.fixture(scope="module")
def images() -> list[Image]:
    return [picture.image for picture in open_pictures("scenes:held-out:40")]


def _fingerprints(images: list[Image]) -> list[Fingerprint]:
    return [compute_fingerprint(i, f"{i}", image) for i, image in enumerate(images)]


def _encode(image: Image) -> Image:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [1, 60])[1], 1), np.uint8)


def _halve(image: Image) -> Image:
    return np.asarray(
        cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
    )


def _darken(image: Image) -> Image:
    return (image * 0.7).astype(np.uint8)


@pytest.mark.parametrize("change", [_encode, _halve, _darken])
def test_a_changed_copy_is_found_and_other_scenes_are_not(
    images: list[Image], change: Callable[[Image], Image]
) -> None:
    pairs = find_similar([_fingerprints(images), _fingerprints([change(one) for one in images])])
    found = [(pair.first, pair.second) for pair in pairs]
    assert all(first == second for first, second in found)
    assert len(found) >= 38
    assert not any(pair.is_same for pair in pairs)


def test_equal_pictures_are_the_same_even_if_they_are_flat(images: list[Image]) -> None:
    flat = np.full((20, 20, 3), 7, np.uint8)
    pairs = find_similar([_fingerprints([images[0], flat]), _fingerprints([flat, images[0]])])
    assert {(pair.first, pair.second, pair.is_same) for pair in pairs} == {
        (0, 1, True),
        (1, 0, True),
    }
    other = np.full((20, 20, 3), 90, np.uint8)
    assert not find_similar([_fingerprints([flat]), _fingerprints([other])])
    assert find_repeated(_fingerprints([flat, images[0], flat])) == [["0", "2"]]


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Return a set with a picture that is in both parts, and a class whose name is markup."""
    rows = {f"{part}/images/{part}{i}.jpg": BOX for part in ("train", "val") for i in range(3)}
    data = "train: train/images\nval: val/images\nnames: ['<b>cat</b>', dog]\n"
    write_yolo_folder(tmp_path, rows, data)
    leak = (tmp_path / "train" / "images" / "train0.jpg").read_bytes()
    (tmp_path / "val" / "images" / "val2.jpg").write_bytes(leak)
    return tmp_path


def test_a_picture_in_two_parts_is_listed(parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pictures", f"{parts}:train", f"{parts}:val", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (pair,) = report["similar"]
    assert (pair["first_name"], pair["second_name"], pair["is_same"]) == (
        str(parts / "train" / "images" / "train0.jpg"),
        str(parts / "val" / "images" / "val2.jpg"),
        True,
    )
    assert [one["pictures"] for one in report["sets"]] == [3, 3]
    assert report["sets"][0]["box_sizes"] == {
        "2 %": 0, "5 %": 0, "10 %": 0, "25 %": 0, "50 %": 3, "100 %": 0,
    }  # fmt: skip
    assert main(["pictures", str(parts)]) == 0
    assert "train0.jpg is there 2 times" in capsys.readouterr().out


class _PageReader(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(parts: Path) -> None:
    (parts / "train" / "labels" / "train1.txt").unlink()
    page = parts / "report.html"
    command = ["pictures", f"{parts}:train", f"{parts}:val", "--report", str(page)]
    assert main(command) == 0
    first = page.read_bytes()
    read = _PageReader()
    read.feed(first.decode())
    assert len(read.sources) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in read.sources)
    assert "<b>cat</b>" in read.text
    assert "b" not in read.tags
    assert "train1.jpg has no labels" in read.text
    assert "1 the same, 0 nearly the same" in read.text
    assert main(command) == 0
    assert page.read_bytes() == first


def test_errors_make_the_command_fail_and_skip_bad_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"images/a.jpg": BOX, "images/b.jpg": "9 0.5 0.5 0.1 0.1", "images/c.jpg": BOX}
    write_yolo_folder(tmp_path / "set", rows, "names: [cat]\n")
    damaged = tmp_path / "set" / "images" / "c.jpg"
    damaged.write_bytes(damaged.read_bytes()[:-300])
    out = tmp_path / "out"
    assert main(["pictures", str(tmp_path / "set"), "--out", str(out), "--json"]) == 1
    shown = capsys.readouterr()
    (report,) = json.loads(shown.out)["sets"]
    assert (report["pictures"], report["left_out"], report["errors"]) == (1, 2, 2)
    assert report["sha256"] is None
    assert report["problem_counts"] == {"unreadable picture": 1, "wrong label": 1}
    assert "--skip-bad" in shown.err
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert main(["pictures", str(tmp_path / "set"), "--out", str(out), "--skip-bad"]) == 0
    assert "c.jpg is not a picture" in capsys.readouterr().out
    assert len(open_pictures(str(out))) == 1


def test_many_problems_of_a_kind_are_counted_in_the_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"images/a.jpg": "\n".join(["9 0.5 0.5 0.1 0.1"] * 25)}
    write_yolo_folder(tmp_path, rows, "names: [cat]\n")
    assert main(["pictures", str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert text.count("error:") == 20
    assert "wrong label: 5 more" in text


def test_an_interrupted_copy_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_picture(tmp_path / "set" / "a.png")
    write_picture(tmp_path / "set" / "b.png")
    decode = cv2.imdecode
    calls = []

    def interrupt(*args: object) -> object:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return decode(*args)

    monkeypatch.setattr(cv2, "imdecode", interrupt)
    assert main(["pictures", str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == 130
    assert len(calls) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_set_for_classification_is_not_written_as_coco(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("cat", "dog"):
        write_picture(tmp_path / "set" / name / "a.png")
    assert main(["pictures", str(tmp_path / "set")]) == 0
    assert main(["pictures", str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == 1
    assert "classes of whole pictures" in capsys.readouterr().err
    with pytest.raises(SystemExit) as refused:
        main(["pictures", "a", "b", "--out", "c"])
    assert refused.value.code == 2
