"""A real worker and its pictures: which frames they show, what is hidden in them, and that observations do not wait for them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.vision.camera_messages import CameraPlan
from edged.vision.inference_plan import InferencePlan
from edged.vision.messages import Observation, WorkerPlan
from edged.vision.picture_messages import (
    MAX_CHUNK_BYTES,
    JpegChunk,
    Picture,
    PictureFailure,
    PicturePlan,
    PictureRequest,
    PictureSubject,
)
from edged.vision.trial_messages import CandidateFailure
from support.picture_frames import (
    BLUE,
    HEIGHT,
    RED,
    WIDTH,
    Area,
    decode,
    make_frame,
    measure_stripes,
    write_recording,
)
from support.vision_worker import WorkerUnderTest, camera_job, make_plan, simulated_model

RED_AREA: Area = (96, 96, 256, 256)
BLUE_AREA: Area = (480, 320, 640, 480)
"""At the corner of the frame."""
INNER_BLUE: Area = (BLUE_AREA[0] + 12, BLUE_AREA[1] + 40, WIDTH - 8, HEIGHT - 40)
"""Without the lines of its box, and its label."""
MASK = ((0.0, 0.0), (0.2, 0.0), (0.2, 1.0), (0.0, 1.0))
_VISIBLE = 30
"""Grey levels: the stripes of an object that is not hidden differ by more."""
_HIDDEN = 8
"""Those of an object that is hidden differ by less."""


def make_worker(
    folder: Path,
    pictures: PicturePlan | None,
    *,
    masks: tuple[object, ...] = (),
    has_gate: bool = False,
    min_score: float = 0.3,
    notch: bool = False,
) -> WorkerUnderTest:
    """Return a worker with one camera whose picture has a red and a blue object at rest; with notches, the model is not sure of them."""
    pixels = make_frame((RED_AREA, RED), (BLUE_AREA, BLUE))
    for x1, y1, *_ in (RED_AREA, BLUE_AREA) if notch else ():
        pixels[y1 : y1 + 60, x1 : x1 + 60] = 90
    frames = [pixels] * 2
    recording = write_recording(folder / "frames", frames)
    plan = make_picture_plan(folder, pictures, masks=masks, has_gate=has_gate, min_score=min_score)
    job = camera_job(source="replay", path=str(recording), loop=True, fps=25)
    return WorkerUnderTest(plan, job)


def make_picture_plan(
    folder: Path,
    pictures: PicturePlan | None,
    *,
    number: int = 0,
    masks: tuple[object, ...] = (),
    has_gate: bool = False,
    min_score: float = 0.3,
) -> WorkerPlan:
    plan = make_plan(number, simulated_model(folder, "m"))
    camera = CameraPlan(
        min_score=min_score,
        masks=masks,  # type: ignore[arg-type] # polygons
        inference=InferencePlan(has_gate=has_gate),
        pictures=pictures,
    )
    return replace(plan, cameras=(camera,))


def take(worker: WorkerUnderTest, number: int = 1, **options: object) -> Picture | PictureFailure:
    """Ask for a picture once the worker has seen a frame, and return the answer."""
    worker.read_until(Observation)
    worker.request_picture(PictureRequest(number=number, camera=0, **options))  # type: ignore[arg-type]
    return worker.read_picture(number)


def take_picture(worker: WorkerUnderTest, number: int = 1, **options: object) -> Picture:
    answer = take(worker, number, **options)
    assert isinstance(answer, Picture), answer
    return answer


def scale(area: Area, factor: float) -> Area:
    x1, y1, x2, y2 = (round(value * factor) for value in area)
    return x1, y1, x2, y2


def test_a_picture_shows_what_the_camera_sees(tmp_path: Path) -> None:
    with make_worker(tmp_path, PicturePlan()) as worker:
        picture = take_picture(worker)
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)
    pixels = decode(picture.jpeg)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert measure_stripes(pixels, RED_AREA, RED) > _VISIBLE
    assert measure_stripes(pixels, BLUE_AREA, BLUE) > _VISIBLE


def test_without_a_plan_there_is_no_picture(tmp_path: Path) -> None:
    with make_worker(tmp_path, None) as worker:
        answer = take(worker)
        assert isinstance(answer, PictureFailure)
        assert answer.code == "refused"
        worker.read_observations(5)
        kinds = {type(one.message) for one in worker.messages}
        assert JpegChunk not in kinds
        assert worker.stop()[0] == 0


def test_a_mask_is_black_in_a_picture_and_one_that_comes_later_too(tmp_path: Path) -> None:
    with make_worker(tmp_path, PicturePlan(), masks=(MASK,)) as worker:
        pixels = decode(take_picture(worker).jpeg)
        assert pixels[:, : int(0.2 * WIDTH)].max() < 16
        worker.send_plan(make_picture_plan(tmp_path, PicturePlan(), masks=(RIGHT_HALF,)))
        for number in range(2, 12):  # whatever was kept before the plan came
            answer = take(worker, number)
            if isinstance(answer, Picture):
                pixels = decode(answer.jpeg)
                assert pixels[:, : WIDTH // 5].max() < 16 or pixels[:, WIDTH // 2 + 8 :].max() < 16
        assert pixels[:, WIDTH // 2 + 8 :].max() < 16


RIGHT_HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


@pytest.mark.parametrize("how", ["blur", "pixelate", "black"])
def test_hidden_objects_cannot_be_recognised_and_others_can(tmp_path: Path, how: str) -> None:
    plan = PicturePlan(hide=("blue",), hide_by=how)  # type: ignore[arg-type] # a Literal
    variants = [(annotate, width) for annotate in (False, True) for width in (WIDTH, 200)]
    with make_worker(tmp_path, plan) as worker:
        for number, (annotate, width) in enumerate(variants):
            picture = take_picture(
                worker, number, is_annotated=annotate, max_width=width, quality=95
            )
            assert picture.width == width
            pixels, factor = decode(picture.jpeg), width / WIDTH
            assert measure_stripes(pixels, scale(INNER_BLUE, factor), BLUE) < _HIDDEN
            if width == WIDTH:
                assert measure_stripes(pixels, RED_AREA, RED) > _VISIBLE


@pytest.mark.parametrize("hidden", ["blue", "red"])
def test_a_crop_of_one_object_hides_what_is_to_be_hidden(tmp_path: Path, hidden: str) -> None:
    plan = PicturePlan(hide=(hidden,), kept_frames=4)
    x1, y1, x2, y2 = BLUE_AREA
    box = (x1 / WIDTH, y1 / HEIGHT, x2 / WIDTH, y2 / HEIGHT)
    subject = PictureSubject(label="blue", score=0.9, box=box)
    with make_worker(tmp_path, plan) as worker:
        seq = worker.read_until(Observation).frame_seq
        options = {"subject": subject, "is_cropped": True, "frame_seq": seq}
        worker.request_picture(PictureRequest(number=1, camera=0, **options))  # type: ignore[arg-type]
        picture = worker.read_picture(1)
        assert isinstance(picture, Picture), picture
    assert picture.frame_seq == seq
    assert 160 <= picture.width < 220
    margin = picture.width - 160
    stripes = measure_stripes(
        decode(picture.jpeg),
        (margin + 20, margin + 20, picture.width - 8, picture.height - 20),
        BLUE,
    )
    assert (stripes < 8) == (hidden == "blue")


def test_an_object_that_is_too_weak_to_be_reported_is_hidden(tmp_path: Path) -> None:
    with make_worker(tmp_path, PicturePlan(hide=("blue",)), min_score=1.0, notch=True) as worker:
        assert worker.read_until(Observation).detections == ()
        picture = take_picture(worker, quality=95)
    assert measure_stripes(decode(picture.jpeg), INNER_BLUE, BLUE) < _HIDDEN


def test_a_label_that_the_model_does_not_know_keeps_pictures_from_being_made(
    tmp_path: Path,
) -> None:
    with make_worker(tmp_path, PicturePlan(hide=("face",))) as worker:
        answer = take(worker)
    assert isinstance(answer, PictureFailure)
    assert answer.code == "refused"
    assert "face" in answer.reason


def test_a_picture_at_rest_is_shown_as_it_is_now_and_looked_at_where_something_is_hidden(
    tmp_path: Path,
) -> None:
    for hide in ((), ("blue",)):
        with make_worker(tmp_path, PicturePlan(hide=hide), has_gate=True) as worker:
            worker.read_until(Observation)
            first = take_picture(worker, 1) if not hide else None
            worker.request_picture(PictureRequest(number=2, camera=0))
            later = worker.read_picture(2)
            assert isinstance(later, Picture), later
            assert first is None or later.frame_seq >= first.frame_seq


def test_observations_do_not_wait_for_pictures(tmp_path: Path) -> None:
    """The parts of large pictures come one by one, with the observations between them."""
    with make_worker(tmp_path, PicturePlan()) as worker:
        worker.read_until(Observation)
        for number in range(1, 5):
            worker.request_picture(PictureRequest(number=number, camera=0, quality=100))
        for number in range(1, 5):
            assert isinstance(worker.read_picture(number), Picture)
        chunks = [m.message for m in worker.messages if isinstance(m.message, JpegChunk)]
        assert all(len(chunk.content) <= MAX_CHUNK_BYTES for chunk in chunks)
        seqs = [seen.frame_seq for seen in worker.observations()]
        assert seqs == sorted(seqs)


def test_too_many_requests_are_answered_as_such(tmp_path: Path) -> None:
    with make_worker(tmp_path, PicturePlan()) as worker:
        worker.read_until(Observation)
        for number in range(1, 41):
            worker.request_picture(PictureRequest(number=number, camera=0))
        answers: dict[int, JpegChunk | PictureFailure] = {}
        while len(answers) < 40:
            message = worker.read_message()
            assert not isinstance(message, CandidateFailure)
            if isinstance(message, JpegChunk | PictureFailure):
                answers[message.number] = message
        for answer in answers.values():
            assert isinstance(answer, JpegChunk) or answer.code == "busy"


def test_a_worker_that_is_asked_to_end_while_it_makes_pictures_ends(tmp_path: Path) -> None:
    with make_worker(tmp_path, PicturePlan()) as worker:
        worker.read_until(Observation)
        for number in range(1, 9):
            worker.request_picture(PictureRequest(number=number, camera=0, quality=100))
        code, seconds = worker.stop()
        assert code == 0
        assert seconds < 3
