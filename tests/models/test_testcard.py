"""The test card: marks far enough apart, the same for the same seed, and detected by the daemon with the bundled model."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged import bundled
from edged.config.settings import ModelSettings
from edged.marks import MARK_LABELS
from edged.marks.draw import draw_mark
from edged.selftest.messages import ReportedDetection, SelfTestRequest
from edged.selftest.process import SelfTestProcess
from edged_models.cli.main import main
from edged_models.testcard.enlarge import enlarge_mark
from edged_models.testcard.layout import PAGES, MarkPlacement, Page, lay_out_marks

FILLED_SHARE = 0.7
"""Share of the picture's side that a mark fills: half of the area."""


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    assert main(["testcard", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def self_test() -> Iterator[SelfTestProcess]:
    with SelfTestProcess() as opened:
        yield opened


def detect(
    self_test: SelfTestProcess, image: Path, *, model: str = "marks"
) -> list[ReportedDetection]:
    settings = ModelSettings(path=bundled.model_path(model))
    request = SelfTestRequest(settings=settings, image=image, min_score=0.5, max_invocations=1)
    return list(self_test.run(request, timeout_s=60).detections)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_marks_are_on_the_sheet_and_far_enough_apart(page: Page) -> None:
    found = lay_out_marks(MARK_LABELS, page)
    assert [place.label for place in found] == list(MARK_LABELS)
    for place in found:
        assert place.left_mm >= 10
        assert place.left_mm + place.side_mm <= page.width_mm - 10
        assert place.top_mm >= 30
        assert place.top_mm + place.side_mm < place.caption_mm - 3 < page.height_mm - 10
        assert place.side_mm >= 40
    for one, other in combinations(found, 2):
        across = abs(one.left_mm - other.left_mm) - one.side_mm
        down = abs(one.top_mm - other.top_mm) - one.side_mm
        assert max(across, down) >= 10, (one, other)


@pytest.mark.parametrize("label", MARK_LABELS)
def test_marks_are_flat_inks_with_sharp_edges_at_print_size(label: str) -> None:
    mark = draw_mark(label, np.random.default_rng(3))
    large = enlarge_mark(mark, 900)
    assert max(large.shape[:2]) == 900
    edges = cv2.morphologyEx(large, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2)
    colours = np.unique(large[edges == 0].astype(int) @ [65536, 256, 1])
    assert 2 <= len(colours) <= 8
    small = cv2.resize(large, mark.alpha.shape[::-1], interpolation=cv2.INTER_AREA)
    drawn = mark.place_on_card((0, 0, 0, 0), (255, 255, 255)).rgb
    assert np.abs(small.astype(int) - drawn).mean() < 8


def test_the_same_seed_is_the_same_card_and_another_is_another(
    card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["testcard", "--out", str(tmp_path / "same")]) == 0
    capsys.readouterr()
    assert main(["testcard", "--out", str(tmp_path / "other"), "--seed", "5", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["marks"] == list(MARK_LABELS)
    for kind in ("png", "pdf"):
        original = (card / f"testcard.{kind}").read_bytes()
        assert (tmp_path / "same" / f"testcard.{kind}").read_bytes() == original
        assert Path(made[kind]).read_bytes() != original


def test_the_pdf_is_one_sheet_of_its_size_and_both_are_small(card: Path) -> None:
    pdf = (card / "testcard.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1
    width, height = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", pdf).groups()  # type: ignore[union-attr]
    assert (float(width), float(height)) == pytest.approx((595.3, 841.9), abs=0.5)
    assert sum(path.stat().st_size for path in card.iterdir()) < 400 * 1024


def test_the_daemon_finds_every_mark_of_the_whole_card_and_nothing_else(
    card: Path, self_test: SelfTestProcess
) -> None:
    found = detect(self_test, card / "testcard.png", model="marks-accurate")
    assert sorted(finding.label for finding in found) == sorted(MARK_LABELS)


@pytest.mark.parametrize(
    "place", lay_out_marks(MARK_LABELS, PAGES["a4"]), ids=lambda place: place.label
)
def test_the_daemon_finds_a_mark_that_fills_half_of_the_picture(
    card: Path, self_test: SelfTestProcess, tmp_path: Path, place: MarkPlacement
) -> None:
    cv2.imwrite(str(tmp_path / "half.png"), crop_around(card / "testcard.png", place))
    found = detect(self_test, tmp_path / "half.png")
    assert place.label in [finding.label for finding in found], found


def crop_around(image: Path, place: MarkPlacement) -> np.ndarray:
    """Cut a square around one mark out of the card."""
    pixels = cv2.imread(str(image))
    px = pixels.shape[0] / PAGES["a4"].height_mm
    half = place.side_mm / FILLED_SHARE / 2
    x, y = place.left_mm + place.side_mm / 2, place.top_mm + place.side_mm / 2
    top, bottom, left, right = (round(mm * px) for mm in (y - half, y + half, x - half, x + half))
    return pixels[top:bottom, left:right]


def test_a_folder_that_cannot_be_created_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["testcard", "--out", str(tmp_path / "file" / "x")]) == 1
    assert "cannot write" in capsys.readouterr().err
