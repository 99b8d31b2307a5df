"""Which frame a picture shows, and what is hidden in it."""

import numpy as np
import pytest
from msgspec.structs import replace

from edged.clock import NS_PER_S
from edged.types import Detections, Frame
from edged.vision.camera_messages import CameraPlan
from edged.vision.picture_messages import PicturePlan
from edged.vision.worker.kept_frames import KeptFrames
from support.pictures import frame

LABELS = ("person", "car")
PERSON, CAR = 0, 1
PIXELS = np.zeros((48, 64, 3), np.uint8)
LEFT, RIGHT = (0.0, 0.0, 0.25, 1.0), (0.75, 0.0, 1.0, 1.0)


def make_frame(seq: int, at_s: float | None = None) -> Frame:
    at_ns = int((seq if at_s is None else at_s) * NS_PER_S)
    made = frame(PIXELS)
    return Frame(
        camera="a",
        seq=seq,
        captured_ns=at_ns,
        received_ns=at_ns,
        pixels=made.pixels,
        format=made.format,
        width=made.width,
        height=made.height,
    )


def found(*boxes: tuple[float, ...], class_id: int = PERSON, score: float = 0.9) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(len(boxes), score, np.float32),
        np.full(len(boxes), class_id, np.int32),
    )


def keep(plan: PicturePlan | None = PicturePlan(kept_frames=2)) -> KeptFrames:  # noqa: B008 - frozen
    frames = KeptFrames()
    frames.apply({"a": CameraPlan(min_score=0.3, pictures=plan)})
    return frames


def find_seq(frames: KeptFrames, frame_seq: int | None = None) -> int | None:
    kept = frames.find("a", frame_seq)
    return None if kept is None else kept.frame.seq


def test_without_a_plan_nothing_is_kept() -> None:
    frames = keep(None)
    frames.add_inferred(make_frame(1), found(LEFT), LABELS)
    assert not frames.is_on
    assert find_seq(frames) is find_seq(frames, 1) is None


def test_the_last_frames_with_objects_are_found_and_the_newest_of_all() -> None:
    frames = keep()
    for seq in (1, 2, 3):
        frames.add_inferred(make_frame(seq), found(LEFT), LABELS)
    frames.add_inferred(make_frame(4), Detections.empty(), LABELS)
    assert [find_seq(frames, seq) for seq in (1, 2, 3, 4)] == [None, 2, 3, 4]
    assert find_seq(frames) == 4
    frames.add_inferred(make_frame(5), Detections.empty(), LABELS)
    assert find_seq(frames, 4) is None, "one without objects is found only while it is the newest"


@pytest.mark.parametrize("is_at_rest", [True, False])
def test_a_later_frame_shows_the_objects_only_if_it_is_at_rest(*, is_at_rest: bool) -> None:
    frames = keep()
    frames.add_inferred(make_frame(1), found(LEFT), LABELS)
    frames.add_other(make_frame(2), is_at_rest=is_at_rest)
    kept = frames.find("a", None)
    assert kept is not None
    assert (kept.frame.seq, len(kept.detections)) == (2, int(is_at_rest))


def test_where_something_is_hidden_only_what_the_model_has_seen_is_shown() -> None:
    frames = keep(PicturePlan(hide=("person",)))
    frames.add_other(make_frame(1), is_at_rest=False)
    assert find_seq(frames) is None
    frames.add_inferred(make_frame(2), found(LEFT), LABELS)
    frames.add_other(make_frame(3), is_at_rest=True)
    assert find_seq(frames) == 2


def test_what_was_found_a_moment_before_is_hidden_too_and_no_other_label() -> None:
    frames = keep(PicturePlan(hide=("person",), kept_frames=4))
    frames.add_inferred(make_frame(1, at_s=10.0), found(LEFT), LABELS)
    frames.add_inferred(make_frame(2, at_s=10.5), found(RIGHT, class_id=CAR), LABELS)
    frames.add_inferred(make_frame(3, at_s=12.0), found(RIGHT, class_id=CAR), LABELS)
    hidden = {seq: frames.find("a", seq) for seq in (1, 2, 3)}
    assert [one.hidden_boxes if one else None for one in hidden.values()] == [(LEFT,), (LEFT,), ()]


def test_a_label_that_the_model_does_not_know_is_named() -> None:
    frames = keep(PicturePlan(hide=("face", "person")))
    frames.add_inferred(make_frame(1), found(LEFT), LABELS)
    kept = frames.find("a", None)
    assert kept is not None
    assert kept.unknown_labels == "face"


def test_another_mask_or_plan_forgets_what_was_kept_and_other_settings_do_not() -> None:
    plan = CameraPlan(min_score=0.3, pictures=PicturePlan())
    mask = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    for changed, is_kept in (
        (replace(plan, min_score=0.5), True),
        (replace(plan, masks=(mask,)), False),
        (replace(plan, pictures=PicturePlan(hide=("person",))), False),
        (replace(plan, pictures=None), False),
    ):
        frames = KeptFrames()
        frames.apply({"a": plan})
        frames.add_inferred(make_frame(1), found(LEFT), LABELS)
        kept = frames.find("a", None)
        assert kept is not None
        forgotten = frames.apply({"a": changed})
        assert (find_seq(frames) == 1) == is_kept
        assert frames.is_current(kept) == is_kept
        assert forgotten == (frozenset() if is_kept else {"a"})


def test_an_old_frame_is_not_what_the_camera_sees_now() -> None:
    frames = keep()
    frames.add_inferred(make_frame(1, at_s=100.0), found(LEFT), LABELS)
    assert frames.has_fresh("a", 101 * NS_PER_S)
    assert not frames.has_fresh("a", 103 * NS_PER_S)
