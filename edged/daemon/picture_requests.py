"""The requests for pictures that the workers have not answered yet."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from msgspec.structs import replace

from edged.event_loop import EventLoop, Timer
from edged.vision.picture_messages import (
    MAX_PENDING_PICTURES,
    PICTURE_TIMEOUT_S,
    JpegChunk,
    Picture,
    PictureFailure,
    PictureRefusal,
    PictureRequest,
    RefusalCode,
)
from edged.vision.pool import WorkerPool
from edged.vision.worker_state import WorkerProcess

OnPicture = Callable[[Picture | PictureRefusal], object]

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
"""ITU-T T.81, table B.1: SOI and EOI."""
_TIMEOUT_MARGIN_S = 1.0
_MAX_NUMBER = 1 << 32


@dataclass(slots=True)
class _Pending:
    """A request that is not answered yet.

    Attributes:
        camera: name of the camera.
        worker: number of its worker.
        on_picture: takes the answer.
        timer: ends the wait.
        parts: what has arrived of the JPEG.
        received_bytes: size of that.
    """

    camera: str
    worker: int
    on_picture: OnPicture
    timer: Timer | None = None
    parts: list[bytes] = field(default_factory=list)
    received_bytes: int = 0


class PictureRequests:
    """Sends requests to the cameras' workers, and puts the parts of the answers together."""

    def __init__(self, loop: EventLoop) -> None:
        """Have no workers yet: `use_pool` brings them.

        Args:
            loop: the supervisor's loop.
        """
        self._loop = loop
        self._pool: WorkerPool | None = None
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}

    def use_pool(self, pool: WorkerPool) -> None:
        """Send requests to these workers."""
        self._pool = pool

    def send(self, camera: str, request: PictureRequest, on_picture: OnPicture) -> None:
        """Ask a camera's worker for a picture.

        Args:
            camera: name of the camera.
            request: what is asked for; its number and its camera's index are filled in here.
            on_picture: called once with the answer; at once if no worker can take the request.
        """
        found = None if self._pool is None else find_camera_worker(self._pool, camera)
        if found is None:
            reason = f"camera {camera} has no worker now; the condition `worker` or `model` in up/health says why"
            on_picture(PictureRefusal(camera=camera, code="no_worker", reason=reason))
            return
        worker, index, process = found
        waiting_count = sum(one.worker == worker for one in self._pending.values())
        number = next(self._numbers) % _MAX_NUMBER
        request = replace(request, number=number, camera=index)
        if waiting_count >= MAX_PENDING_PICTURES or not process.request_picture(request):
            reason = f"the worker of camera {camera} has {waiting_count} requests for pictures already; ask again later"
            on_picture(PictureRefusal(camera=camera, code="busy", reason=reason))
            return
        pending = self._pending[number] = _Pending(camera, worker, on_picture)
        pending.timer = self._loop.call_later(
            PICTURE_TIMEOUT_S + _TIMEOUT_MARGIN_S, partial(self._on_overdue, number)
        )

    def on_message(self, worker: int, message: JpegChunk | PictureFailure) -> None:
        """Take a part of an answer; one that nobody waits for any more is left out."""
        pending = self._pending.get(message.number)
        if pending is None or pending.worker != worker:
            return
        if isinstance(message, PictureFailure):
            self._refuse(message.number, message.code, message.reason)
            return
        if message.offset != pending.received_bytes:  # a worker is not trusted
            self._refuse(message.number, "failed", "the worker sent a picture with a gap")
            return
        pending.parts.append(message.content)
        pending.received_bytes += len(message.content)
        if pending.received_bytes >= message.total_bytes:
            self._finish(message)

    def on_worker_lost(self, worker: int) -> None:
        """Refuse what a worker that has ended was asked for."""
        for number, pending in list(self._pending.items()):
            if pending.worker == worker:
                self._refuse(number, "no_worker", "its worker ended before the picture was made")

    def _finish(self, last: JpegChunk) -> None:
        pending = self._pending[last.number]
        jpeg = b"".join(pending.parts)
        if not (jpeg.startswith(_JPEG_START) and jpeg.endswith(_JPEG_END)):
            self._refuse(last.number, "failed", "the worker sent what is no JPEG")
            return
        picture = Picture(
            camera=pending.camera,
            jpeg=jpeg,
            width=last.width,
            height=last.height,
            frame_seq=last.frame_seq,
            captured_ns=last.captured_ns,
            sharpness=last.sharpness,
        )
        self._answer(last.number, picture)

    def _on_overdue(self, number: int) -> None:
        reason = f"no picture within {PICTURE_TIMEOUT_S:g} s: the camera delivers no frames, or the model does not run on them"
        self._refuse(number, "timeout", reason)

    def _refuse(self, number: int, code: RefusalCode, reason: str) -> None:
        camera = self._pending[number].camera
        if not reason.startswith("camera "):
            reason = f"camera {camera}: {reason}"
        self._answer(number, PictureRefusal(camera=camera, code=code, reason=reason))

    def _answer(self, number: int, answer: Picture | PictureRefusal) -> None:
        pending = self._pending.pop(number)
        if pending.timer is not None:
            pending.timer.cancel()
        pending.on_picture(answer)


def find_camera_worker(pool: WorkerPool, camera: str) -> tuple[int, int, WorkerProcess] | None:
    """Return the number of the worker that has a camera, the camera's index in its job, and its process; None if there is none."""
    processes = pool.processes
    for number, job in pool.jobs.items():
        if camera in job.camera_names and number in processes:
            return number, job.camera_names.index(camera), processes[number]
    return None
