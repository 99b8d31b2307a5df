"""``edged-models evaluate --gallery``: the worst pictures first, in one page that a browser shows without network."""

import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from colour_classifier import write_classifier, write_colours

from edged import bundled
from edged.types import Detections
from edged_models.cli.main import main
from edged_models.evaluation.picture_faults import BoxMark, rank_detector_faults
from edged_models.evaluation.picture_result import PictureResult

MODEL = str(bundled.model_path())
LEFT, RIGHT = [0.1, 0.1, 0.3, 0.3], [0.6, 0.6, 0.9, 0.9]


def _result(
    found: list[tuple[float, list[float], int]], true: list[tuple[list[float], int]]
) -> PictureResult:
    return PictureResult(
        detections=Detections(
            np.array([box for _, box, _ in found], np.float32).reshape(-1, 4),
            np.array([score for score, *_ in found], np.float32),
            np.array([class_id for *_, class_id in found], np.int32),
        ),
        true_boxes=np.array([box for box, _ in true], np.float32).reshape(-1, 4),
        true_class_ids=np.array([class_id for _, class_id in true], np.int32),
        is_empty=not true,
        size_px=(256, 256),
    )


def test_missed_objects_and_sure_false_alarms_come_first() -> None:
    results = [
        _result([(0.9, LEFT, 0)], [(LEFT, 0)]),
        _result([(0.7, RIGHT, 0)], []),
        _result([(0.9, LEFT, 1)], [(LEFT, 0)]),
        _result([(0.4, LEFT, 0)], [(LEFT, 0)]),
    ]
    ranked = rank_detector_faults(results, min_score=0.5)
    assert [one.index for one in ranked] == [2, 3, 1, 0]
    assert [one.cost for one in ranked] == pytest.approx([1.9, 1.0, 0.7, 0.0])
    marks = {one.index: [box.mark for box in one.boxes] for one in ranked}
    assert marks[0] == [BoxMark.FOUND, BoxMark.RIGHT]
    assert marks[2] == [BoxMark.MISSED, BoxMark.FALSE]


def test_the_page_of_a_detector_is_one_file_with_the_worst_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "new" / "gallery.html"
    args = ["evaluate", MODEL, "scenes:held-out:12", "--gallery", str(page)]
    assert main([*args, "--gallery-limit", "8"]) == 0
    assert f"wrote {page}" in capsys.readouterr().out
    text = page.read_text()
    costs = [float(cost) for cost in re.findall(r"cost ([\d.]+)</figcaption>", text)]
    assert len(costs) == 8
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 0
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text
    first = page.read_bytes()
    assert main([*args, "--gallery-limit", "8"]) == 0
    assert page.read_bytes() == first


def test_the_page_of_a_classifier_has_its_faults_first(tmp_path: Path) -> None:
    folder = write_colours(tmp_path / "colours", per_class=6)
    (folder / "red").rename(folder / "r<e>d")
    names = ("r<e>d", "green", "blue", "yellow", "light cyan", "magenta", "white")
    model = write_classifier(tmp_path / "colours.tflite", labels=names)
    page = tmp_path / "gallery.html"
    assert main(["evaluate", str(model), str(folder), "--gallery", str(page)]) == 0
    text = page.read_text()
    kinds = re.findall(r'<figure class="(\w+)">', text)
    assert len(kinds) == 42
    assert kinds == sorted(kinds, reverse=True)
    assert kinds.count("wrong") == int(re.search(r"(\d+) of 42 pictures have a fault", text)[1]) > 0
    # Names come from folders, and are no markup.
    assert "r&lt;e&gt;d" in text
    assert "r<e>d" not in text


def test_a_browser_shows_pictures_and_boxes(tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Debian's package chromium is not installed")
    page, shot = tmp_path / "gallery.html", tmp_path / "shot.png"
    assert main(["evaluate", MODEL, "scenes:held-out:6", "--gallery", str(page)]) == 0
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,1600", "--hide-scrollbars"]  # fmt: skip
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    subprocess.run(
        [chromium, *options, profile, f"--screenshot={shot}", page.as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
    )
    pixels = cv2.imread(str(shot))[..., ::-1]
    for name, colour in {"found": (0x4C, 0x8D, 0xFF), "right": (0x2F, 0xD1, 0x5D)}.items():
        assert (pixels == colour).all(axis=2).sum() > 100, name
    # The pictures are noise and patterns: a page without them has a few dozen colours.
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 5000


def test_a_page_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    args = ["evaluate", MODEL, "scenes:held-out:1", "--gallery", "/proc/none/gallery.html"]
    assert main(args) == 1
    assert "cannot write /proc/none/gallery.html" in capsys.readouterr().err
