"""The one place that asks workers for pictures and hands them on: nothing with pixels passes it that the policy does not allow.

The policy counts when a picture is asked for, and again when it arrives: it can change in between.
"""

from collections.abc import Callable
from functools import partial

from edged.clock import Clock
from edged.config.settings import Settings
from edged.daemon.camera_monitor import CameraMonitor
from edged.daemon.event_pictures import EventPictures
from edged.daemon.hard_examples import HardExamples
from edged.daemon.picture_files import PictureFiles
from edged.daemon.picture_requests import OnPicture, PictureRequests
from edged.event_loop import EventLoop
from edged.interfaces import OutgoingMessage
from edged.messaging.contract.header import Stamper
from edged.messaging.contract.topics import Topics
from edged.messaging.outbox import Outbox
from edged.pictures.ring import StoredPicture
from edged.scene.scene import SceneUpdate
from edged.vision.picture_messages import (
    JpegChunk,
    Picture,
    PictureFailure,
    PictureOptions,
    PictureRefusal,
    PictureRequest,
    PictureSubject,
)
from edged.vision.picture_policy import Purpose, allows, find_refusal
from edged.vision.pool import WorkerPool


class PictureService:
    """The pictures of all cameras."""

    def __init__(
        self,
        *,
        loop: EventLoop,
        outbox: Outbox,
        files: PictureFiles,
        example_files: PictureFiles,
        stamper: Stamper,
        clock: Clock,
    ) -> None:
        """Allow no picture until `apply_settings` says otherwise.

        Args:
            loop: the supervisor's loop.
            outbox: publishes the pictures of objects.
            files: stores them.
            example_files: stores hard examples.
            stamper: knows the device and the session.
            clock: the clock of all times.
        """
        self._settings = Settings()
        self._outbox = outbox
        self._files = files
        self._topics = Topics(stamper.identity.device)
        self._requests = PictureRequests(loop)
        self._events = EventPictures(
            self._take_of_event,
            publish=self._publish_of_event,
            files=files,
            stamper=stamper,
            clock=clock,
        )
        self.examples = HardExamples(
            self._take_example, files=example_files, identity=stamper.identity, clock=clock
        )

    def use_pool(self, pool: WorkerPool) -> None:
        """Ask these workers."""
        self._requests.use_pool(pool)

    def apply_settings(self, settings: Settings) -> None:
        """Use another configuration; what the broker keeps, and may keep no longer, is removed there."""
        no_longer_kept = _list_kept(self._settings) - _list_kept(settings)
        self._settings = settings
        for camera in no_longer_kept:
            self._publish(self._topics.snapshot_of(camera), b"", is_retained=True)
        self._files.apply_settings(settings)
        self.examples.apply_settings(settings)

    def take(
        self,
        camera: str,
        monitor: CameraMonitor | None,
        options: PictureOptions,
        on_picture: OnPicture,
    ) -> None:
        """Take a picture of what a camera sees now.

        Args:
            camera: name of the camera.
            monitor: the camera; None if it is not enabled, or does not exist.
            options: how the picture is made.
            on_picture: called once with the picture or the reason why there is none, possibly at once.
        """
        images = self._settings.images
        request = PictureRequest(
            number=0,
            camera=0,
            is_annotated=images.annotate if options.annotate is None else options.annotate,
            max_width=options.max_width or images.max_width,
            quality=options.quality or images.quality,
            min_scores=() if monitor is None else monitor.drawn_scores,
        )
        refusal = find_refusal(self._settings, camera, "request")
        if refusal is None and (monitor is None or not monitor.is_online):
            reason = f"camera {camera} delivers no frames now; the condition `camera.{camera}` in up/health says why"
            refusal = PictureRefusal(camera=camera, code="offline", reason=reason)
        if refusal is not None:
            on_picture(refusal)
        else:
            self._send(camera, "request", request, on_picture)

    def publish_newest(self, picture: Picture) -> str | None:
        """Publish a picture that was taken as its camera's newest; return the topic, or None if there is no connection that takes it."""
        topic = self._topics.snapshot_of(picture.camera)
        is_retained = self._settings.images.retain
        return topic if self._publish(topic, picture.jpeg, is_retained=is_retained) else None

    def observe(self, monitor: CameraMonitor, update: SceneUpdate, frame_seq: int) -> None:
        """Take what a frame has changed in a camera's scene, and ask for the pictures of objects that are worth it.

        Args:
            monitor: the camera.
            update: the change.
            frame_seq: number of the frame.
        """
        self._events.observe(monitor.name, update.tracks, monitor.class_names, frame_seq)

    def list_stored(
        self, limit: int, on_list: Callable[[tuple[StoredPicture, ...]], object]
    ) -> None:
        """Report the newest pictures of objects on disk, the newest first, of the cameras whose policy allows it.

        Args:
            limit: largest number of pictures.
            on_list: takes them, from a callback of the loop.
        """
        self._files.list_newest(self._list_allowed(), limit, on_list)

    def read_stored(self, event_id: str, on_jpeg: Callable[[bytes | None], object]) -> None:
        """Report the JPEG of an object's picture; None if there is none, or the policy does not allow it.

        Args:
            event_id: id of the object, as in its events.
            on_jpeg: takes it, from a callback of the loop.
        """
        self._files.read(event_id, self._list_allowed(), on_jpeg)

    def on_message(self, worker: int, message: JpegChunk | PictureFailure) -> None:
        """Take a part of a worker's answer."""
        self._requests.on_message(worker, message)

    def on_worker_lost(self, worker: int) -> None:
        """Refuse what a worker that has ended was asked for."""
        self._requests.on_worker_lost(worker)

    def _publish_of_event(self, camera: str, jpeg: bytes, event_id: str) -> None:
        self._publish(self._topics.snapshot_of(camera, event_id), jpeg, is_retained=False)
        newest = self._topics.snapshot_of(camera)
        self._publish(newest, jpeg, is_retained=self._settings.images.retain)

    def _publish(self, topic: str, jpeg: bytes, *, is_retained: bool) -> bool:
        message = OutgoingMessage(topic=topic, payload=jpeg, qos=1, retain=is_retained)
        return self._outbox.publish_unspooled(message)

    def _take_of_event(
        self,
        camera: str,
        frame_seq: int,
        subject: PictureSubject,
        min_sharpness: float,
        on_picture: OnPicture,
    ) -> None:
        images = self._settings.images
        request = PictureRequest(
            number=0,
            camera=0,
            frame_seq=frame_seq,
            subject=subject,
            is_cropped=images.crop,
            is_annotated=images.annotate,
            max_width=images.max_width,
            quality=images.quality,
            min_sharpness=min_sharpness,
        )
        self._send(camera, "event", request, on_picture)

    def _take_example(
        self, camera: str, purpose: Purpose, frame_seq: int | None, on_picture: OnPicture
    ) -> None:
        images = self._settings.images
        request = PictureRequest(
            number=0,
            camera=0,
            frame_seq=frame_seq,
            max_width=images.max_width,
            quality=images.quality,
        )
        self._send(camera, purpose, request, on_picture)

    def _send(
        self, camera: str, purpose: Purpose, request: PictureRequest, on_picture: OnPicture
    ) -> None:
        refusal = find_refusal(self._settings, camera, purpose)
        if refusal is not None:
            on_picture(refusal)
            return
        self._requests.send(camera, request, partial(self._hand_on, camera, purpose, on_picture))

    def _hand_on(
        self,
        camera: str,
        purpose: Purpose,
        on_picture: OnPicture,
        answer: Picture | PictureRefusal,
    ) -> None:
        on_picture(find_refusal(self._settings, camera, purpose) or answer)

    def _list_allowed(self) -> frozenset[str]:
        return frozenset(
            name for name in self._settings.camera if allows(self._settings, name, "request")
        )


def _list_kept(settings: Settings) -> frozenset[str]:
    """Return the cameras whose last picture the broker keeps."""
    if not settings.images.retain:
        return frozenset()
    return frozenset(name for name in settings.camera if allows(settings, name, "request"))
