"""The pictures of objects: when the object starts, and whenever a clearly better one can be made (`best_picture`)."""

from collections.abc import Callable, Sequence
from functools import partial

from edged.clock import NS_PER_S, Clock
from edged.daemon.best_picture import BestPicture, value_of
from edged.daemon.picture_files import PictureFiles
from edged.messaging.contract.header import Stamper
from edged.pictures.ring import StoredPicture
from edged.scene.tracking import Track
from edged.types import ClassNames
from edged.vision.picture_messages import Picture, PictureRefusal, PictureSubject

OnPicture = Callable[[Picture | PictureRefusal], object]
RequestPicture = Callable[[str, int, PictureSubject, float, OnPicture], None]
"""Asks for the picture of an object: gets the camera, the frame's number, the object, the least sharpness and what takes the answer."""

PublishPicture = Callable[[str, bytes, str], None]
"""Publishes the picture of an object: gets the camera, the JPEG and the id of the object."""

_NS_PER_MS = NS_PER_S // 1000


class EventPictures:
    """The best picture of each object that is present."""

    def __init__(
        self,
        request: RequestPicture,
        *,
        publish: PublishPicture,
        files: PictureFiles,
        stamper: Stamper,
        clock: Clock,
    ) -> None:
        """Begin without objects.

        Args:
            request: asks for a picture, or refuses.
            publish: publishes a picture.
            files: stores pictures.
            stamper: knows the session, of which event ids are made.
            clock: the clock of all times.
        """
        self._request = request
        self._publish = publish
        self._files = files
        self._session = stamper.identity.session
        self._clock = clock
        self._objects: dict[str, dict[int, BestPicture]] = {}
        """By camera, then by the object's id."""

    def observe(
        self, camera: str, tracks: Sequence[Track], names: ClassNames, frame_seq: int
    ) -> None:
        """Take the objects of one frame, and ask for the pictures that are worth it.

        Args:
            camera: name of the camera.
            tracks: its confirmed objects.
            names: the names of the model's classes.
            frame_seq: number of the frame.
        """
        before = self._objects.get(camera)
        if not tracks and not before:
            return
        known = self._objects[camera] = {
            track.id: (before and before.get(track.id)) or BestPicture() for track in tracks
        }
        now_ns = self._clock.monotonic_ns()
        for track in tracks:
            value = value_of(track.score, track.box)
            best = known[track.id]
            if track.seen and best.is_worth_a_try(value, now_ns):
                label = names[track.class_id]
                subject = PictureSubject(label=label, score=track.score, box=track.box)
                best.begin()
                self._request(
                    camera,
                    frame_seq,
                    subject,
                    best.min_sharpness(value),
                    partial(self._on_picture, best, self._make_event_id(track.id), subject),
                )

    def forget(self, camera: str) -> None:
        """Forget the objects of a camera: they have ended."""
        self._objects.pop(camera, None)

    def _make_event_id(self, track_id: int) -> str:
        return f"{self._session}-{track_id}"

    def _on_picture(
        self,
        best: BestPicture,
        event_id: str,
        subject: PictureSubject,
        answer: Picture | PictureRefusal,
    ) -> None:
        now_ns = self._clock.monotonic_ns()
        if isinstance(answer, PictureRefusal):
            best.on_failure(now_ns)
            return
        value = value_of(subject.score, subject.box)
        if not best.on_picture(value, answer.sharpness, now_ns):
            return
        self._publish(answer.camera, answer.jpeg, event_id)
        stored = StoredPicture(
            event_id=event_id,
            camera=answer.camera,
            label=subject.label,
            taken_ms=self._clock.wall_ns() // _NS_PER_MS,
            size_bytes=len(answer.jpeg),
        )
        self._files.store(stored, answer.jpeg)
