"""Hard examples: frames that would teach a model something, kept on disk where the policy allows it."""

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from edged.clock import NS_PER_S, Clock
from edged.config.settings import Settings
from edged.daemon.camera_monitor import CameraMonitor
from edged.daemon.example_rules import ExamplePace, describe_boxes, is_uncertain
from edged.daemon.picture_files import PictureFiles
from edged.errors import StoreError
from edged.messaging.contract.device import ExampleHealth
from edged.messaging.contract.header import Identity
from edged.pictures.example import ExampleNote, ExampleReason, add_note
from edged.pictures.ring import StoredPicture
from edged.types import DetectedBox
from edged.vision.messages import Observation
from edged.vision.picture_messages import Picture, PictureRefusal
from edged.vision.picture_policy import Purpose, allows

OnExample = Callable[[StoredPicture | PictureRefusal], object]
TakeExample = Callable[
    [str, Purpose, int | None, Callable[[Picture | PictureRefusal], object]], None
]
"""Asks for a picture: gets the camera, the purpose, the frame's number (None: the newest) and what takes the answer."""

_RECENT_FRAMES = 8
_NS_PER_MS = NS_PER_S // 1000


class HardExamples:
    """Finds the hard examples of all cameras, and keeps them."""

    def __init__(
        self, take: TakeExample, *, files: PictureFiles, identity: Identity, clock: Clock
    ) -> None:
        """Keep nothing until `apply_settings` says otherwise.

        Args:
            take: asks for a picture, or refuses.
            files: stores the pictures.
            identity: names the device and the session.
            clock: the clock of all times.
        """
        self._take = take
        self._files = files
        self._identity = identity
        self._clock = clock
        self._settings = Settings()
        self._automatic: frozenset[str] = frozenset()
        self._numbers = itertools.count(1)
        self._pace = ExamplePace()
        self._recent: dict[str, deque[Observation]] = {}
        """The newest observations, of the cameras whose examples may be kept."""

    def apply_settings(self, settings: Settings) -> None:
        """Use another configuration; what may be kept no longer is removed."""
        self._settings = settings
        self._automatic = frozenset(n for n in settings.camera if allows(settings, n, "example"))
        self._recent = {
            name: self._recent.get(name) or deque(maxlen=_RECENT_FRAMES)
            for name in settings.camera
            if allows(settings, name, "example_request")
        }
        self._files.apply_settings(settings)

    @property
    def health(self) -> ExampleHealth | None:
        """The part of `up/health` about them; None while they are off."""
        if not self._settings.collect.enabled:
            return None
        return ExampleHealth(kept=self._files.kept_count, failed=self._files.failed_count)

    def observe(self, monitor: CameraMonitor, observation: Observation) -> None:
        """Take an inferred frame, and keep it if the model is not sure of it."""
        recent = self._recent.get(monitor.name)
        if recent is None:
            return
        recent.append(observation)
        scores = monitor.drawn_scores
        if scores and is_uncertain(observation.detections, scores, self._settings.collect.margin):
            self._keep_if_due(monitor, "margin", observation.frame_seq)

    def on_disagreement(self, monitor: CameraMonitor, frame_seq: int) -> None:
        """Keep a frame in which the candidate of a trial and its shadow found different objects."""
        self._keep_if_due(monitor, "disagreement", frame_seq)

    def keep_newest(self, camera: str, monitor: CameraMonitor | None, on_done: OnExample) -> None:
        """Keep what a camera sees now, because somebody asks for it.

        Args:
            camera: name of the camera.
            monitor: the camera; None if it is not enabled, or does not exist.
            on_done: called once with the stored picture, or the reason why there is none.
        """
        on_picture = partial(self._on_picture, monitor, "request", on_done)
        self._take(camera, "example_request", None, on_picture)

    def _keep_if_due(self, monitor: CameraMonitor, reason: ExampleReason, frame_seq: int) -> None:
        camera = monitor.name
        if camera not in self._automatic:
            return
        if self._pace.is_due(camera, reason, self._clock.monotonic_ns()):
            self._pace.begin(camera, reason)
            end = partial(self._on_end, camera, reason)
            on_picture = partial(self._on_picture, monitor, reason, end)
            self._take(camera, "example", frame_seq, on_picture)

    def _on_end(
        self, camera: str, reason: ExampleReason, outcome: StoredPicture | PictureRefusal
    ) -> None:
        kept_s = None
        if isinstance(outcome, StoredPicture) or outcome.code == "not_stored":
            kept_s = (
                self._settings.collect.interval_s
            )  # a disk that fails is not asked every second
        self._pace.end(camera, reason, self._clock.monotonic_ns(), kept_s)

    def _on_picture(
        self,
        monitor: CameraMonitor | None,
        reason: ExampleReason,
        on_done: OnExample,
        answer: Picture | PictureRefusal,
    ) -> None:
        if isinstance(answer, PictureRefusal) or monitor is None:
            on_done(answer if isinstance(answer, PictureRefusal) else _refuse_unknown(answer))
            return
        note = self._describe(monitor, reason, answer)
        jpeg = add_note(answer.jpeg, note)
        picture = StoredPicture(
            event_id=f"{self._identity.session}-{next(self._numbers)}",
            camera=answer.camera,
            label=reason,
            taken_ms=note.taken_ms,
            size_bytes=len(jpeg),
        )
        self._files.store(picture, jpeg, partial(_report, on_done, picture))

    def _describe(
        self, monitor: CameraMonitor, reason: ExampleReason, picture: Picture
    ) -> ExampleNote:
        boxes = describe_boxes(
            self._find_detections(picture),
            monitor.drawn_scores or (0.0,),
            self._settings.collect.margin,
            names=monitor.class_names,
            hidden=self._settings.images.hide,
        )
        return ExampleNote(
            device=self._identity.device,
            camera=picture.camera,
            model=monitor.model_name,
            reason=reason,
            taken_ms=self._clock.wall_ns() // _NS_PER_MS,
            width=picture.width,
            height=picture.height,
            boxes=tuple(boxes),
        )

    def _find_detections(self, picture: Picture) -> Sequence[DetectedBox]:
        """Return what was found in a frame; one on which the model did not run shows what the one before it shows."""
        recent = self._recent.get(picture.camera, ())
        found = [one for one in recent if one.frame_seq <= picture.frame_seq]
        return found[-1].detections if found else ()


def _refuse_unknown(picture: Picture) -> PictureRefusal:
    reason = f"camera {picture.camera} is not enabled any more"
    return PictureRefusal(camera=picture.camera, code="offline", reason=reason)


def _report(on_done: OnExample, picture: StoredPicture, error: StoreError | None) -> None:
    if error is None:
        on_done(picture)
    else:
        on_done(PictureRefusal(camera=picture.camera, code="not_stored", reason=str(error)))
