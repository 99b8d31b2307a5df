"""The one place through which pictures pass: who is asked when, what a policy allows, and what is refused with which reason. The workers are stand-ins."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.clock import NS_PER_S
from edged.config.settings import CameraSettings, ImageSettings, ModelSettings, Settings
from edged.types import DetectedBox
from edged.vision.active_model import ActiveModel
from edged.vision.packets import FROM_WORKER
from edged.vision.picture_messages import (
    MAX_CHUNK_BYTES,
    MAX_PENDING_PICTURES,
    Picture,
    PictureFailure,
    PictureOptions,
    PictureRefusal,
    PictureRequest,
)
from edged.vision.picture_packets import pack_chunks
from edged.vision.picture_policy import Policy, Purpose, allows, make_picture_plan
from edged.vision.process import WorkerExited
from support.vision_service import IdleVisionService, RecordingListener, idle_vision_service
from support.worker_messages import camera_report, observation

MODEL = ActiveModel(settings=ModelSettings(path=Path("/model.tflite")))
JPEG = b"\xff\xd8" + b"pixels" * 30_000 + b"\xff\xd9"
PERSON = DetectedBox((0.2, 0.2, 0.6, 0.8), 0.9, 0)


@dataclass
class Bench:
    """A daemon's vision side with one camera, and the answers that callers have got."""

    service: IdleVisionService
    answers: list[Picture | PictureRefusal]
    folder: Path

    def take(self, camera: str = "a", options: PictureOptions = PictureOptions()) -> None:  # noqa: B008 - frozen
        self.service.take_picture(camera, options, self.answers.append)

    @property
    def requests(self) -> list[PictureRequest]:
        return self.service.processes[0].picture_requests

    def answer(self, request: PictureRequest, jpeg: bytes = JPEG, sharpness: float = 100.0) -> None:
        picture = Picture(
            camera="",
            jpeg=jpeg,
            width=64,
            height=48,
            frame_seq=request.frame_seq or 0,
            captured_ns=0,
            sharpness=sharpness,
        )
        for packet in pack_chunks(request.number, picture):
            self.service.receive(FROM_WORKER.decode(packet))

    def refused_as(self) -> str:
        (answer,) = self.answers
        assert isinstance(answer, PictureRefusal), answer
        return answer.code

    def stored(self) -> list[Path]:
        return sorted((self.folder / "pictures").glob("*"))


def settings(policy: Policy = "events", own: Policy | None = None, **images: object) -> Settings:
    return Settings(
        camera={"a": CameraSettings(source="synthetic", images=own)},
        images=ImageSettings(policy=policy, **images),  # type: ignore[arg-type] # any field, by name
    )


def make_bench(service: IdleVisionService, folder: Path) -> Bench:
    service.get_ready()
    service.receive(camera_report(name="a"))
    return Bench(service, [], folder)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with idle_vision_service(
        settings(), MODEL, folder=tmp_path, listener=RecordingListener()
    ) as service:
        yield make_bench(service, tmp_path)


POLICIES: tuple[Policy, ...] = ("never", "on_request", "events")


@pytest.mark.parametrize("general", POLICIES)
@pytest.mark.parametrize("own", [None, *POLICIES])
def test_a_cameras_own_policy_comes_before_the_general_one(
    general: Policy, own: Policy | None
) -> None:
    policy = own or general
    configured = settings(general, own)
    allowed: dict[Purpose, bool] = {
        purpose: allows(configured, "a", purpose) for purpose in ("request", "event")
    }
    assert allowed == {"request": policy != "never", "event": policy == "events"}
    plan = make_picture_plan(configured, "a")
    assert (plan is None) == (policy == "never")
    assert not allows(configured, "unknown", "request")


def test_a_picture_is_put_together_from_its_parts(bench: Bench) -> None:
    bench.take(options=PictureOptions(annotate=False, max_width=320, quality=50))
    (request,) = bench.requests
    assert (request.is_annotated, request.max_width, request.quality) == (False, 320, 50)
    assert request.frame_seq is None
    assert len(JPEG) > 2 * MAX_CHUNK_BYTES
    bench.answer(request)
    (picture,) = bench.answers
    assert isinstance(picture, Picture)
    assert (picture.camera, picture.jpeg) == ("a", JPEG)


def test_what_the_options_leave_open_is_as_configured(bench: Bench) -> None:
    configured = settings(annotate=False, max_width=1000, quality=33)
    bench.service.apply_settings(configured, MODEL)
    bench.take()
    (request,) = bench.requests
    assert (request.is_annotated, request.max_width, request.quality) == (False, 1000, 33)


def test_never_asks_no_worker(bench: Bench) -> None:
    bench.service.apply_settings(settings("never"), MODEL)
    bench.take()
    assert bench.refused_as() == "policy"
    observe(bench, 10)
    assert bench.requests == []
    assert bench.service.processes[0].plans[-1].cameras[0].pictures is None


def test_a_picture_that_arrives_under_another_policy_is_not_handed_on(bench: Bench) -> None:
    bench.take()
    observe(bench, 10)
    assert len(bench.requests) == 2, "the caller's, and the object's"
    bench.service.apply_settings(settings("never"), MODEL)
    for request in bench.requests:
        bench.answer(request)
    assert bench.refused_as() == "policy"
    assert bench.stored() == []


def test_a_camera_that_cannot_be_asked_is_refused_with_the_reason(bench: Bench) -> None:
    bench.take("b")
    assert bench.refused_as() == "no_camera"
    bench.answers.clear()
    bench.service.receive(camera_report(name="a", state="lost"))
    bench.take()
    assert bench.refused_as() == "offline"


def test_a_worker_that_ends_refuses_what_it_was_asked_for(bench: Bench) -> None:
    bench.take()
    process = bench.service.processes[0]
    bench.service.on_worker_exit(WorkerExited(0, process.run, "was killed by SIGKILL"))
    assert bench.refused_as() == "no_worker"
    bench.answers.clear()
    bench.take()
    assert bench.refused_as() == "offline"


def test_the_answer_of_a_worker_that_is_gone_is_left_out(bench: Bench) -> None:
    bench.take()
    (request,) = bench.requests
    bench.service.pictures.on_worker_lost(0)
    bench.answer(request)
    assert len(bench.answers) == 1


def test_too_many_requests_are_refused(bench: Bench) -> None:
    for _ in range(MAX_PENDING_PICTURES + 1):
        bench.take()
    assert bench.refused_as() == "busy"
    assert len(bench.requests) == MAX_PENDING_PICTURES


def test_a_failure_comes_with_its_reason(bench: Bench) -> None:
    bench.take()
    bench.service.receive(
        PictureFailure(number=bench.requests[0].number, code="failed", reason="r")
    )
    assert bench.answers == [PictureRefusal(camera="a", code="failed", reason="camera a: r")]


@pytest.mark.parametrize("content", [b"no picture", JPEG[:-2], JPEG[2:]])
def test_what_is_no_jpeg_is_no_picture(bench: Bench, content: bytes) -> None:
    bench.take()
    bench.answer(bench.requests[0], content)
    assert bench.refused_as() == "failed"


def test_a_picture_with_a_gap_is_refused(bench: Bench) -> None:
    bench.take()
    picture = Picture(camera="", jpeg=JPEG, width=1, height=1, frame_seq=0, captured_ns=0)
    packets = list(pack_chunks(bench.requests[0].number, picture))
    for packet in (packets[0], packets[2]):
        bench.service.receive(FROM_WORKER.decode(packet))
    assert bench.refused_as() == "failed"


frame_numbers = itertools.count(1)


def observe(bench: Bench, count: int, box: DetectedBox | None = PERSON) -> None:
    """Let the camera see so many frames with an object, a tenth of a second apart."""
    for _ in range(count):
        seq = next(frame_numbers)
        at_ns = seq * NS_PER_S // 10
        seen = observation(
            seq, captured_ns=at_ns, received_ns=at_ns, detections=(box,) if box else ()
        )
        bench.service.receive(seen)


def test_an_object_is_asked_for_with_its_box_and_its_frame_and_stored(bench: Bench) -> None:
    observe(bench, 10)
    (request,) = bench.requests
    assert request.frame_seq is not None
    assert request.subject is not None
    assert (request.subject.label, request.subject.box) == ("red", PERSON.box)
    bench.answer(request)
    (path,) = bench.stored()
    assert path.read_bytes() == JPEG
    found: list[object] = []
    bench.service.pictures.list_stored(10, found.extend)
    (stored,) = found
    assert (stored.camera, stored.label) == ("a", "red")  # type: ignore[attr-defined] # a StoredPicture
    read: list[bytes | None] = []
    bench.service.pictures.read_stored(stored.event_id, read.append)  # type: ignore[attr-defined]
    assert read == [JPEG]
    bench.service.apply_settings(settings("never"), MODEL)
    bench.service.pictures.read_stored(stored.event_id, read.append)  # type: ignore[attr-defined]
    bench.service.pictures.list_stored(10, found.append)
    assert read == [JPEG, None]
    assert found[-1] == ()
    assert bench.stored() == []


def test_on_request_asks_for_no_object(bench: Bench) -> None:
    bench.service.apply_settings(settings("on_request"), MODEL)
    observe(bench, 10)
    assert bench.requests == []
    bench.take()
    assert len(bench.requests) == 1


def test_labels_that_are_not_listed_are_not_drawn(bench: Bench) -> None:
    configured = settings()
    detect = replace(configured.detect, labels=("blue",), threshold=0.7)
    bench.service.apply_settings(replace(configured, detect=detect), MODEL)
    bench.take()
    red, blue, _ = bench.requests[-1].min_scores
    assert red > 1
    assert blue == pytest.approx(0.7)
