from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from edged.marks import MARK_LABELS, draw_mark, pictograms
from edged.marks.mark import SQUARE, Mark, paste
from edged.marks.schedule import Schedule, compute_pose
from edged.marks.synthetic_scene import SyntheticScene
from support.scheduled_marks import marks_entering_before

pytestmark = pytest.mark.runtime

LABELS = (
    "qr_code", "barcode", "fiducial_tag", "warning_sign",
    "prohibition_sign", "mandatory_sign", "safe_condition_sign", "fire_sign",
)  # fmt: skip


def _scene(
    *,
    seed: int = 3,
    labels: tuple[str, ...] = MARK_LABELS,
    every_s: float = 4.0,
    stay_s: float = 5.0,
    noise: float = 4.0,
) -> SyntheticScene:
    return SyntheticScene(
        width=320, height=240, fps=10.0, seed=seed,
        labels=labels, interval_s=every_s, duration_s=stay_s, noise=noise,
    )  # fmt: skip


def test_labels_are_the_bundled_models_classes_in_order() -> None:
    assert MARK_LABELS == LABELS


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("seed", range(6))
def test_a_mark_is_whole_and_outlined(label: str, seed: int) -> None:
    mark = draw_mark(label, np.random.default_rng(seed))
    height, width = mark.alpha.shape
    assert mark.rgb.shape == (height, width, 3)
    assert mark.rgb.dtype == mark.alpha.dtype == np.uint8
    assert 120 <= max(height, width) <= 400
    assert mark.outline.dtype == np.float32
    assert mark.outline.min() >= 0
    assert mark.outline.max() <= 1
    assert np.ptp(mark.outline, axis=0).min() > 0.2
    assert mark.rgb[mark.alpha > 0].std() > 20


@pytest.mark.parametrize("label", LABELS)
def test_the_same_numbers_draw_the_same_mark_and_others_another(label: str) -> None:
    one, again, other = (draw_mark(label, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one.rgb, again.rgb)
    assert one.rgb.shape != other.rgb.shape or not np.array_equal(one.rgb, other.rgb)


def test_a_drawn_qr_code_can_be_read() -> None:
    read = 0
    for seed in range(20):
        rgb = draw_mark("qr_code", np.random.default_rng(seed)).rgb
        picture = cv2.copyMakeBorder(
            rgb, 20, 20, 20, 20, cv2.BORDER_CONSTANT, value=rgb[0, 0].tolist()
        )
        read += bool(cv2.QRCodeDetector().detectAndDecode(picture)[0])
    assert read >= 14


@pytest.mark.parametrize("name", pictograms.NAMES)
def test_a_pictogram_has_ink_and_room(name: str) -> None:
    mask = pictograms.draw_pictogram(name, np.random.default_rng(0), side_px=48)
    assert mask.shape == (48, 48)
    assert 0.02 < (mask > 127).mean() < 0.8


def test_a_card_frames_its_mark() -> None:
    black = Mark(np.zeros((10, 20, 3), np.uint8), np.full((10, 20), 255, np.uint8), SQUARE)
    card = black.place_on_card((5, 10, 15, 0), (200.0, 210.0, 220.0))
    assert card.alpha.shape == (20, 40)
    assert card.rgb[0, 0].tolist() == [200, 210, 220]
    assert (card.rgb[10:20, 5:25] == 0).all()
    assert np.allclose(card.outline, [[0.125, 0.5], [0.625, 0.5], [0.625, 1], [0.125, 1]])


def test_paste_mixes_by_alpha() -> None:
    canvas = np.full((1, 3, 3), 100, np.uint8)
    paste(canvas, np.full((1, 3, 3), 200, np.uint8), np.array([[0, 128, 255]], np.uint8))
    assert canvas[0, :, 0].tolist() == [100, 150, 200]


def test_every_label_comes_once_before_any_comes_twice() -> None:
    schedule = Schedule(seed=5, labels=MARK_LABELS, interval_s=2.0, duration_s=4.0)
    marks = marks_entering_before(schedule, 32.0)
    assert [p.id for p in marks] == list(range(1, 17))
    assert {p.label for p in marks[:8]} == {p.label for p in marks[8:]} == set(MARK_LABELS)
    assert all(b.entry_s > a.entry_s for a, b in pairwise(marks))
    assert all(3.6 <= p.exit_s - p.entry_s <= 4.4 for p in marks)


def test_neighbours_in_time_stand_apart() -> None:
    schedule = Schedule(seed=5, labels=MARK_LABELS, interval_s=4.0, duration_s=5.0)
    marks = marks_entering_before(schedule, 60.0)
    assert all(abs(a.rest_position[0] - b.rest_position[0]) > 0.2 for a, b in pairwise(marks))


def test_present_agrees_with_the_whole_schedule() -> None:
    schedule = Schedule(seed=9, labels=MARK_LABELS, interval_s=1.0, duration_s=7.0)
    marks = marks_entering_before(schedule, 40.0)
    for at_s in np.linspace(0, 30, 61):
        present = [p.id for p in marks if p.entry_s <= at_s < p.exit_s]
        assert [p.id for p in schedule.list_present(float(at_s))] == present


def test_a_mark_is_invisible_at_both_ends_and_at_its_place_between() -> None:
    mark = Schedule(seed=1, labels=MARK_LABELS, interval_s=4.0, duration_s=5.0).get_mark(0)
    for at_s in (mark.entry_s, mark.exit_s):
        edge = compute_pose(mark, at_s)
        assert min(abs(edge.y), abs(edge.y - 1)) > mark.size * 0.7
        assert not 0 < edge.y < 1
    middle = compute_pose(mark, (mark.entry_s + mark.exit_s) / 2)
    assert np.hypot(middle.x - mark.rest_position[0], middle.y - mark.rest_position[1]) < 0.05
    assert compute_pose(replace(mark, enters_from_below=True), mark.entry_s).y > 1
    assert compute_pose(replace(mark, enters_from_below=False), mark.entry_s).y < 0


def test_a_frame_depends_on_the_seed_and_the_index_alone() -> None:
    scene = _scene()
    late = scene.render_frame(40)
    assert np.array_equal(_scene().render_frame(40), late)
    scene.render_frame(3)
    assert np.array_equal(scene.render_frame(40), late)
    assert not np.array_equal(scene.render_frame(41), late)
    assert not np.array_equal(_scene(seed=4).render_frame(40), late)


def test_the_truth_is_where_the_picture_differs_from_the_empty_room() -> None:
    signs = LABELS[3:]
    scene = _scene(noise=0.0, labels=signs)
    room = _scene(noise=0.0, labels=signs, every_s=3600.0).render_frame(3599 * 10).astype(int)
    for k in range(10, 200, 7):
        changed = np.abs(scene.render_frame(k) - room).max(axis=2) > 24
        inside = np.zeros_like(changed)
        for true in scene.get_ground_truth(k):
            x1, y1, x2, y2 = (true.box * [320, 240, 320, 240]).astype(int)
            inside[max(0, y1 - 3) : y2 + 3, max(0, x1 - 3) : x2 + 3] = True
            if true.visible_share == 1:
                assert changed[y1:y2, x1:x2].mean() > 0.3, (k, true)
        assert not (changed & ~inside).any(), k


def test_the_truth_of_a_code_is_its_dark_and_light_without_the_card() -> None:
    scene = _scene(noise=0.0, labels=("qr_code",))
    for k in range(12, 200, 7):
        for true in scene.get_ground_truth(k):
            x1, y1, x2, y2 = np.rint(true.box * [320, 240, 320, 240]).astype(int)
            if true.visible_share == 1:
                grey = cv2.cvtColor(scene.render_frame(k), cv2.COLOR_BGR2GRAY)
                assert grey[y1:y2, x1:x2].std() > 40, (k, true)
                assert grey[y1:y2, x1 - 3 : x1 - 1].mean() > 130, (k, true)


def test_the_visible_share_falls_where_the_frame_ends_and_where_another_is_in_front() -> None:
    scene = _scene(every_s=0.5, stay_s=10.0)
    seen = [scene.get_ground_truth(k) for k in range(100)]
    shares: dict[int, list[float]] = {true.id: [] for truths in seen for true in truths}
    for truths in seen:
        for true in truths:
            shares[true.id].append(true.visible_share)
            assert 0 < true.visible_share <= 1
            assert (true.box[:2] <= true.box[2:]).all()
    first = shares[1]
    assert first[0] < 0.9
    assert max(first) == 1.0
    marks = [true.visible_share for true in seen[80]]
    assert min(marks) < 0.7
    assert marks[-1] > 0.9


def test_only_the_requested_labels_take_part() -> None:
    scene = _scene(labels=("fire_sign",), every_s=1.0)
    assert {true.label for k in range(0, 100, 10) for true in scene.get_ground_truth(k)} == {
        "fire_sign"
    }
