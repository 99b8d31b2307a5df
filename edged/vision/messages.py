"""The messages of the supervisor and a vision worker: every one is declared here; `edged.vision.packets` has their form."""

from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from edged.config.settings import DetectSettings, LabelFilter, ModelSettings
from edged.scene.filters import NO_SETTINGS
from edged.types import DetectedBox
from edged.vision.camera_messages import CameraJob, CameraPlan, CameraReport, PictureAtRest
from edged.vision.picture_messages import JpegChunk, PictureFailure, PictureRequest
from edged.vision.trial_messages import CandidateFailure, Reason, ShadowComparison

FaultKind = Literal["model", "delegate", "invoke", "internal"]


class WorkerPlan(Struct, frozen=True, kw_only=True, tag="plan"):
    """Supervisor to worker, in its job and at any time later: what it does from now on.

    Log level and masks take effect at once. A model that the worker does not have is loaded beside the active one, in a thread, warmed on its
    goldens, and takes over between two frames: the worker reports `ModelReady`. If the model cannot be loaded or fails its goldens, the worker
    reports `PlanDeclined`, and keeps the active one. Switching drops no frames unless both models need the same accelerator.

    Attributes:
        number: number of the plan, incremented when the model changes; the same while only other settings change.
        model: the model to run.
        name: ``name@version`` for the messages; None: use the name in the file.
        cameras: one for each of the job's cameras, in the same order.
        goldens: the model's ``goldens.json``, pictures beside it; None if the model is only warmed.
        shadow: the old model, run beside the candidate; None if there is no trial.
        shadow_every: the shadow runs on every Nth frame of each camera, and the worker reports `ShadowComparison`.
        min_shadow_score: detections of at least this score are compared.
        max_boxes: maximum number of detections of at least that score in one frame; more are reported as ``CandidateFailure(kind="flood")``.
        sees_every_frame: the motion gates are off.
        log_level: lowest level that the worker logs.
        acceptances: file that remembers accepted models; a worker's first plan need not test those again. None to test in any case.
    """

    number: int = 0
    model: ModelSettings
    name: str | None = None
    cameras: tuple[CameraPlan, ...] = ()
    goldens: Path | None = None
    shadow: ModelSettings | None = None
    shadow_every: int = 10
    min_shadow_score: float = 0.5
    max_boxes: int = 80
    sees_every_frame: bool = False
    log_level: str = "info"
    acceptances: Path | None = None


class VisionJob(Struct, frozen=True, kw_only=True, tag="job"):
    """Supervisor to worker, its first message: the cameras that it opens, and its first plan.

    Attributes:
        plan: the first plan.
        cameras: the cameras; an observation names one by its index.
        report_interval_s: seconds between two `WorkerReport`s.
    """

    plan: WorkerPlan
    cameras: tuple[CameraJob, ...]
    report_interval_s: float = 0.25

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The names of its cameras."""
        return tuple(camera.name for camera in self.cameras)

    def find_camera(self, index: int) -> str | None:
        """Return the name of the camera with this index; None if there is none."""
        return self.cameras[index].name if 0 <= index < len(self.cameras) else None


class ModelReady(Struct, frozen=True, kw_only=True, tag="ready"):
    """Worker to supervisor: the plan's model is loaded; observations after this message come from this plan (its shadow where the candidate fails).

    Attributes:
        plan: number of the plan.
        gap_ns: how long no model was active because of the switch; 0 at the worker's start.
        model_name: ``name@version``, or the name in the file.
        sha256: sha256 of the model's file.
        family: how the model's outputs are read.
        runtime: name and version.
        delegate: accelerator that the graph runs on; "" for the reference kernels.
        labels: names of the classes; a detection's class id is the index.
        thresholds: by label, the smallest score that the metadata in the model's file recommends.
    """

    plan: int = 0
    gap_ns: int = 0
    model_name: str
    sha256: str
    family: str
    runtime: str
    delegate: str
    labels: tuple[str, ...]
    thresholds: dict[str, float] = field(default_factory=dict)

    def choose_filters(self, of_bundle: DetectSettings) -> DetectSettings:
        """Return the filters that the model's maker recommends: those of its bundle, or without any, those in its file."""
        if of_bundle != NO_SETTINGS or not self.thresholds:
            return of_bundle
        labels = {label: LabelFilter(threshold=score) for label, score in self.thresholds.items()}
        return DetectSettings(label=labels)


class WorkerReport(Struct, frozen=True, kw_only=True, tag="report"):
    """Worker to supervisor, several times a second from the inference loop: its heartbeat."""

    cameras: tuple[CameraReport, ...]


class WorkerFault(Struct, frozen=True, kw_only=True, tag="fault"):
    """Worker to supervisor, its last message: why it cannot go on."""

    kind: FaultKind
    reason: Reason


class ModelLoading(Struct, frozen=True, kw_only=True, tag="loading"):
    """Worker to supervisor: it begins to load a model beside its cameras, or to close one on an accelerator, or has ended to.

    Opening or closing a delegate's device can keep every thread of the worker from running for seconds (the runtimes hold Python's lock): until the
    end is reported, the limit of a start applies to the worker's silence.
    """

    is_loading: bool


class PlanDeclined(Struct, frozen=True, kw_only=True, tag="declined"):
    """Worker to supervisor: the plan's model cannot be used; the one before it stays active.

    Attributes:
        plan: number of the plan.
        kind: what failed, as in `WorkerFault`; "internal" if the file could not be read, or memory was short.
        reason: what went wrong, in words.
    """

    plan: int
    kind: FaultKind = "model"
    reason: Reason


class Observation(Struct, frozen=True, gc=False):
    """One inferred frame. Stage times are nanoseconds; see `edged.types.Frame` for the time lines.

    The order of the fields is that of the packet, which a worker packs from arrays (`edged.vision.packets.pack_observation`).

    Attributes:
        camera: index into the job's cameras.
        frame_seq: number of the frame.
        captured_ns: when the frame was captured.
        received_ns: when the frame was received.
        width: width of the frame, pixels.
        height: height of the frame, pixels.
        wait_ns: time from `received_ns` until the inference loop took the frame.
        encode_ns: masks, motion, resize, colour, quantisation.
        invoke_ns: the interpreter alone.
        decode_ns: outputs to detections.
        net_frame_ns: net time of encode, invoke and decode (`edged.vision.worker.net_time`), without masks and motion; 0 if it was not measured.
        net_invoke_ns: net time of the interpreter alone; 0 if it was not measured.
        moving: True if something moved in the picture.
        detections: normalised to the frame.
    """

    camera: int
    frame_seq: int
    captured_ns: int
    received_ns: int
    width: int
    height: int
    wait_ns: int
    encode_ns: int
    invoke_ns: int
    decode_ns: int
    net_frame_ns: int
    net_invoke_ns: int
    moving: bool
    detections: tuple[DetectedBox, ...]


ToWorker = VisionJob | WorkerPlan | PictureRequest
FromWorker = (
    ModelReady
    | WorkerReport
    | WorkerFault
    | Observation
    | PictureAtRest
    | ModelLoading
    | PlanDeclined
    | CandidateFailure
    | ShadowComparison
    | JpegChunk
    | PictureFailure
)
