"""The worker's pictures: requests come in, a thread makes the JPEGs, and the inference loop sends them in parts.

The thread starts with the first request, and runs below the priority of the others. A request waits in a short queue. The loop sends one part
when the supervisor has read nearly everything before it (`SupervisorChannel.send_chunk`), so that an observation waits behind one part at most.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from edged.clock import Clock, Deadline
from edged.errors import EdgedError
from edged.types import Detections, Frame
from edged.vision.camera_messages import CameraPlan
from edged.vision.picture_messages import (
    MAX_PENDING_PICTURES,
    PICTURE_TIMEOUT_S,
    FailureCode,
    PictureFailure,
    PicturePlan,
    PictureRequest,
)
from edged.vision.worker.channel import SupervisorChannel
from edged.vision.worker.kept_frames import KeptFrame, KeptFrames
from edged.vision.worker.picture_rendering import PictureRenderer
from edged.vision.worker.unsent_pictures import MAX_WAITING_PACKETS, UnsentPictures

_log = logging.getLogger(__name__)

_NICENESS = 10
_RECHECK_S = 1.0


class _Waiting(NamedTuple):
    request: PictureRequest
    deadline: Deadline


class WorkerPictures:
    """The pictures of a worker's cameras."""

    def __init__(self, cameras: Sequence[str], clock: Clock, on_made: Callable[[], None]) -> None:
        """Keep no frame, and start no thread.

        Args:
            cameras: the cameras' names, by their index in the job.
            clock: the clock of a request's age.
            on_made: called from the thread when there is something to send.
        """
        self._cameras = tuple(cameras)
        self._clock = clock
        self._on_made = on_made
        self._frames = KeptFrames()
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._unsent = UnsentPictures()
        self._wanted: set[str] = set()
        """Cameras of which a picture waits for a frame."""
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def apply(self, plans: Mapping[str, CameraPlan]) -> None:
        """Make pictures by these plans from now on; what was made of a frame that may not be shown any more is not sent."""
        with self._changed:
            forgotten = self._frames.apply(plans)
            self._unsent.drop([self._cameras.index(name) for name in forgotten])
            self._wanted.clear()
            self._changed.notify_all()

    @property
    def is_on(self) -> bool:
        """True if pictures of any camera may be made."""
        return self._frames.is_on

    def plan_of(self, camera: str) -> PicturePlan | None:
        """Return the plan of a camera's pictures; None if none may be made."""
        return self._frames.plan_of(camera)

    def add_inferred(self, frame: Frame, detections: Detections, labels: Sequence[str]) -> None:
        """Keep a frame on which the model ran (`KeptFrames.add_inferred`)."""
        self._frames.add_inferred(frame, detections, labels)
        self._on_frame(frame.camera)

    def add_other(self, frame: Frame, *, is_at_rest: bool) -> None:
        """Keep a frame on which the model did not run (`KeptFrames.add_other`)."""
        self._frames.add_other(frame, is_at_rest=is_at_rest)
        self._on_frame(frame.camera)

    @property
    def wanted_cameras(self) -> tuple[str, ...]:
        """The cameras of which a picture waits for a frame: the next one is to be taken, and not left out."""
        return tuple(self._wanted)

    def wants_frame(self, camera: str) -> bool:
        """Return whether a picture waits for a camera's next frame."""
        return camera in self._wanted

    def wants_inference(self, camera: str) -> bool:
        """Return whether the model is to run on a camera's next frame, although nothing has changed in the picture."""
        plan = self._frames.plan_of(camera) if camera in self._wanted else None
        return plan is not None and bool(plan.hide)

    def put(self, request: PictureRequest) -> None:
        """Take a request; one thread calls this."""
        with self._changed:
            if len(self._waiting) >= MAX_PENDING_PICTURES:
                self._fail(request, "busy", f"{MAX_PENDING_PICTURES} pictures wait already")
                return
            deadline = Deadline(self._clock, PICTURE_TIMEOUT_S)
            self._waiting.append(_Waiting(request, deadline))
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)
            self._thread.start()

    @property
    def has_unsent(self) -> bool:
        """True if there is something to send."""
        return bool(self._unsent)

    def send_next(self, channel: SupervisorChannel) -> None:
        """Send the next part, if there is room for it."""
        with self._changed:
            if self._unsent.send_next(channel):
                self._changed.notify_all()

    def close(self, timeout_s: float) -> bool:
        """End the thread; return False if it did not end within `timeout_s` seconds."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        with suppress(OSError):  # a service may be kept from changing priorities
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        renderer = PictureRenderer()
        while (request := self._take_request()) is not None:
            self._answer(request, renderer)

    def _take_request(self) -> PictureRequest | None:
        """Wait for a request that can be answered; None if the worker ends."""
        with self._changed:
            while not self._is_closing:
                if len(self._unsent) < MAX_WAITING_PACKETS:
                    self._drop_overdue()
                    for one in self._waiting:
                        if self._is_answerable(one.request):
                            self._waiting.remove(one)
                            return one.request
                self._changed.wait(_RECHECK_S if self._waiting else None)
        return None

    def _is_answerable(self, request: PictureRequest) -> bool:
        """Return whether a request need not wait for the model's next run."""
        camera = self._find_camera(request)
        if request.frame_seq is not None or camera is None:
            return True
        if self._frames.plan_of(camera) is None:
            return True
        if self._frames.has_fresh(camera, self._clock.monotonic_ns()):
            return True
        self._wanted.add(camera)
        return False

    def _drop_overdue(self) -> None:
        overdue = [one for one in self._waiting if one.deadline.expired]
        self._waiting = [one for one in self._waiting if not one.deadline.expired]
        for one in overdue:
            self._fail_without_frame(one.request)

    def _on_frame(self, camera: str) -> None:
        if self._wanted:
            with self._changed:
                self._wanted.discard(camera)
                self._changed.notify_all()

    def _answer(self, request: PictureRequest, renderer: PictureRenderer) -> None:
        camera = self._find_camera(request)
        if camera is None or self._frames.plan_of(camera) is None:
            self._fail(request, "refused", "the camera's plan allows no pictures")
        elif (kept := self._frames.find(camera, request.frame_seq)) is None:
            self._fail_without_frame(request)
        elif unknown := kept.unknown_labels:
            reason = f"images.hide names {unknown}, which the model does not know: it would not be hidden"
            self._fail(request, "refused", reason)
        else:
            self._make(request, kept, renderer)

    def _make(self, request: PictureRequest, kept: KeptFrame, renderer: PictureRenderer) -> None:
        camera = kept.frame.camera
        try:
            made = renderer.render(kept, request)
        except (EdgedError, ValueError) as error:
            self._fail(request, "failed", f"camera {camera}: {error}")
            return
        except Exception as error:  # noqa: BLE001 - a bug must not end the thread
            _log.exception("camera %s: a picture failed", camera)
            self._fail(request, "failed", f"camera {camera}: {error!r}")
            return
        if isinstance(made, PictureFailure):
            self._fail(request, made.code, made.reason)
            return
        with self._changed:
            if self._frames.is_current(kept):
                self._unsent.add_picture(request, made)
            else:  # a plan that came meanwhile may hide more, or allow none
                self._unsent.add_failure(request, "refused", "the camera's plan has changed")
        self._on_made()

    def _fail_without_frame(self, request: PictureRequest) -> None:
        if request.frame_seq is not None:
            self._fail(request, "frame_gone", f"frame {request.frame_seq} is not kept any more")
            return
        camera = self._find_camera(request)
        plan = None if camera is None else self._frames.plan_of(camera)
        reason = f"no frame came within {PICTURE_TIMEOUT_S:g} s"
        if plan is not None and plan.hide:
            reason = f"the model ran on no frame within {PICTURE_TIMEOUT_S:g} s, and without it nothing can be hidden (images.hide)"
        self._fail(request, "no_frame", reason)

    def _fail(self, request: PictureRequest, code: FailureCode, reason: str) -> None:
        with self._changed:
            self._unsent.add_failure(request, code, reason)
        self._on_made()

    def _find_camera(self, request: PictureRequest) -> str | None:
        index = request.camera
        return self._cameras[index] if 0 <= index < len(self._cameras) else None
