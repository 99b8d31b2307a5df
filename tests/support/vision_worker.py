"""A real vision worker process, as the supervisor starts it: its job, its plans and its messages."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

import msgspec

from edged.clock import SystemClock
from edged.config.settings import ModelSettings
from edged.ipc.process import ChildProcess
from edged.vision.camera_messages import CameraJob, CameraPlan
from edged.vision.messages import (
    FromWorker,
    ModelLoading,
    Observation,
    ToWorker,
    VisionJob,
    WorkerPlan,
    WorkerReport,
)
from edged.vision.packets import FROM_WORKER, TO_WORKER
from edged.vision.picture_messages import (
    JpegChunk,
    Picture,
    PictureFailure,
    PictureRequest,
)
from edged.vision.worker.accelerator import AcceleratorThread
from edged.vision.worker.frame_selection import FrameSelection
from edged.vision.worker.pictures import WorkerPictures
from edged.vision.worker.runners import WorkerContext
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stages import InferencePipeline

_Message = TypeVar("_Message", bound=FromWorker)


class TimedMessage(NamedTuple):
    """A message, and when it came, monotonic."""

    at_ns: int
    message: FromWorker


def simulated_model(
    folder: Path,
    name: str,
    faults: Mapping[str, float] | None = None,
    *,
    labels: tuple[str, ...] = (),
    delegate: str | None = None,
    **more_faults: float,
) -> ModelSettings:
    """Return a model of that name that needs no runtime, with these faults."""
    file = folder / f"{name}.tflite"
    made = {"name": name, "faults": {**(faults or {}), **more_faults}}
    file.write_text(json.dumps(made | ({"labels": labels} if labels else {})))
    return ModelSettings(path=file, runtime="simulated", delegate=delegate)


def camera_job(name: str = "cam", source: str = "synthetic", **settings: object) -> CameraJob:
    """Return the job of one camera."""
    driver = msgspec.Raw(msgspec.json.encode(settings))
    return CameraJob(name=name, source=source, isolation="thread", driver_settings=driver)


def live_camera(frames: int = 0, name: str = "cam") -> CameraJob:
    """Return the job of a camera with 200 frames a second, each with something red and something blue in it."""
    return camera_job(name, fps=200, cycle=16, every_s=0.5, frames=frames)


LIVE_CAMERA = live_camera()


def make_plan(
    number: int,
    model: ModelSettings,
    *,
    cameras: int = 1,
    min_score: float = 0.3,
    **more: object,
) -> WorkerPlan:
    """Return a plan for so many cameras."""
    return WorkerPlan(
        number=number,
        model=model,
        cameras=(CameraPlan(min_score=min_score),) * cameras,
        **({"log_level": "warning"} | more),  # type: ignore[arg-type] # any field, by name
    )


def reported_ns(seen: Observation) -> int:
    """Return when the frame's detections were known."""
    return seen.received_ns + seen.wait_ns + seen.encode_ns + seen.invoke_ns + seen.decode_ns


def worker_context(names: Sequence[str], *, send: Callable[[FromWorker], None]) -> WorkerContext:
    """Return the parts of a worker with these cameras that stay when its model changes."""
    clock, slots = SystemClock(), FrameSlots(names)
    return WorkerContext(
        pipeline=InferencePipeline(names, clock),
        slots=slots,
        selection=FrameSelection(names, slots),
        pictures=WorkerPictures(names, clock, on_made=slots.interrupt),
        accelerator=AcceleratorThread(clock, on_finished=slots.interrupt),
        clock=clock,
        camera_indices={name: index for index, name in enumerate(names)},
        send=send,
    )


class WorkerUnderTest:
    """A worker that is started on entering, and killed on leaving."""

    def __init__(
        self, plan: WorkerPlan, *cameras: CameraJob, report_interval_s: float = 0.05
    ) -> None:
        self._job = VisionJob(plan=plan, cameras=cameras, report_interval_s=report_interval_s)
        self.messages: list[TimedMessage] = []

    def __enter__(self) -> Self:
        self._child: ChildProcess[ToWorker, FromWorker] = ChildProcess.start(
            "edged.vision.worker",
            sent=TO_WORKER,
            received=FROM_WORKER,
            first_message=self._job,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.stop()

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._child.pid

    def send_plan(self, plan: WorkerPlan) -> None:
        """Send a plan."""
        self._child.send(plan)

    def request_picture(self, request: PictureRequest) -> None:
        """Ask for a picture."""
        self._child.send(request)

    def read_picture(self, number: int) -> Picture | PictureFailure:
        """Read until the answer to a request is complete, and return it; its `camera` is ""."""
        parts: list[JpegChunk] = []
        while True:
            answer = self.read_message()
            assert answer is not None, "the worker ended"
            if not isinstance(answer, JpegChunk | PictureFailure) or answer.number != number:
                continue
            if isinstance(answer, PictureFailure):
                return answer
            parts.append(answer)
            if answer.offset + len(answer.content) == answer.total_bytes:
                return Picture(
                    camera="",
                    jpeg=b"".join(part.content for part in parts),
                    width=answer.width,
                    height=answer.height,
                    frame_seq=answer.frame_seq,
                    captured_ns=answer.captured_ns,
                    sharpness=answer.sharpness,
                )

    def read_message(self, timeout_s: float = 20.0) -> FromWorker | None:
        """Return the next message; None if the worker has ended."""
        message = self._child.receive(timeout_s)
        if message is not None:
            self.messages.append(TimedMessage(time.monotonic_ns(), message))
        return message

    def read_until(
        self,
        kind: type[_Message],
        matches: Callable[[_Message], bool] = lambda _: True,
        *,
        timeout_s: float = 20.0,
    ) -> _Message:
        """Read until a message of this kind matches, and return it."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            message = self.read_message(timeout_s)
            assert message is not None, (
                f"the worker ended; its last messages: {self.status_messages()[-5:]}"
            )
            if isinstance(message, kind) and matches(message):
                return message
        raise AssertionError(
            f"no {kind.__name__} within {timeout_s:g} s: {self.status_messages()[-5:]}"
        )

    def read_observations(self, count: int) -> list[Observation]:
        """Return the next observations, so many."""
        return [self.read_until(Observation) for _ in range(count)]

    def read_until_ended(self, names: tuple[str, ...] = ("cam",)) -> WorkerReport:
        """Read until all these cameras, which are finite, have ended."""
        return self.read_until(
            WorkerReport,
            lambda report: all(one.state == "ended" for one in report.cameras if one.name in names),
            timeout_s=60.0,
        )

    def status_messages(self) -> list[FromWorker]:
        """Return everything but the signs of life (observations, reports, `ModelLoading`), in order."""
        return [
            timed.message
            for timed in self.messages
            if not isinstance(timed.message, Observation | WorkerReport | ModelLoading)
        ]

    def observations(self) -> list[Observation]:
        """Return the observations that were read so far."""
        return [timed.message for timed in self.messages if isinstance(timed.message, Observation)]

    def stop(self, timeout_s: float = 5.0) -> tuple[int, float]:
        """Ask the worker to end; return its exit code, and after how many seconds it ended."""
        began_s = time.monotonic()
        self._child.request_stop()
        while self.read_message() is not None:
            pass
        assert self._child.join(timeout_s), "the worker did not end"
        assert self._child.exit_code is not None
        return self._child.exit_code, time.monotonic() - began_s
