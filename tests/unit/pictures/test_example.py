"""Hard examples: the note in a JPEG survives, does not change the picture, and is refused where there is none."""

import cv2
import numpy as np
import pytest

from edged.pictures.example import ExampleBox, ExampleNote, add_note, read_note

PIXELS = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)


def make_jpeg() -> bytes:
    return bytes(cv2.imencode(".jpg", PIXELS)[1].tobytes())


def make_note(box_count: int) -> ExampleNote:
    box = ExampleBox(label="Kätzchen", score=0.5, box=(0.1, 0.2, 0.3, 0.4))
    return ExampleNote(
        device="d",
        camera="a",
        model="m@1",
        reason="margin",
        taken_ms=1,
        width=64,
        height=48,
        boxes=(box,) * box_count,
    )


def test_the_note_is_read_back_and_the_picture_is_the_same() -> None:
    jpeg = make_jpeg()
    noted = add_note(jpeg, make_note(3))
    assert read_note(noted) == make_note(3)
    decoded = [
        cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in (jpeg, noted)
    ]
    assert decoded[0] is not None
    assert np.array_equal(decoded[0], decoded[1])  # type: ignore[arg-type] # it is not None either


def test_a_note_that_is_too_long_keeps_its_best_boxes() -> None:
    kept = read_note(add_note(make_jpeg(), make_note(5000)))
    assert 100 < len(kept.boxes) < 5000


@pytest.mark.parametrize(
    "damaged", [b"", b"\xff\xd8", make_jpeg(), make_jpeg()[:40], b"PNG", make_jpeg()[:2] * 9]
)
def test_a_file_without_a_note_is_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_note(damaged)


def test_a_note_of_another_form_is_refused() -> None:
    noted = add_note(make_jpeg(), make_note(0)).replace(b"edged.example/1", b"edged.example/9")
    with pytest.raises(ValueError, match=r"edged\.example/9"):
        read_note(noted)
