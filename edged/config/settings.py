"""Every setting there is, with its type, its bounds, its default and what it means.

The descriptions are the documentation: ``deploy/edged.toml`` shows each of them, and a test keeps the two together.
What a camera driver or a publisher wants for itself stands in the driver's own `Settings`.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edged import bundled

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, Meta(ge=0.0)]
Point = tuple[Fraction, Fraction]
LibraryFunction = Annotated[str, Meta(pattern=r"^.+:[A-Za-z_][A-Za-z0-9_]*$")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Polygon = Annotated[
    tuple[Point, ...],
    Meta(min_length=3, description="Corners as [x, y], fractions of the frame, origin top left."),
]


class DeviceSettings(Struct, frozen=True, kw_only=True):
    """[device]."""

    name: Annotated[
        Name | None,
        Meta(
            description="Name of this device in every topic and message; the host's name if not set."
        ),
    ] = None
    state_dir: Annotated[
        Path | None,
        Meta(
            description="Where the spool and counters live; $STATE_DIRECTORY, else ~/.local/state/edged, if not set."
        ),
    ] = None


class ModelSettings(Struct, frozen=True, kw_only=True):
    """[model]."""

    path: Annotated[
        Path | None,
        Meta(
            description="The .tflite to run; the bundled model if not set. Relative to the config file."
        ),
    ] = None
    sha256: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")] | None,
        Meta(
            description="The file at path must be exactly this one, at every load; any if not set."
        ),
    ] = None
    bundled: Annotated[
        Literal["marks", "marks-fast", "marks-accurate"],
        Meta(description="Which of the bundled models, where no path is set."),
    ] = "marks"
    labels: Annotated[
        tuple[str, ...] | None,
        Meta(description="Names of the classes in order; what the model file carries if not set."),
    ] = None
    labels_file: Annotated[
        Path | None, Meta(description="The same from a text file, one label a line.")
    ] = None
    family: Annotated[
        str, Meta(description='How its outputs are read; "auto" finds it from the file.')
    ] = "auto"
    runtime: Annotated[
        str,
        Meta(
            description='"litert", "tflite", "simulated", or "auto": whichever is installed, litert first.'
        ),
    ] = "auto"
    threads: Annotated[int, Meta(ge=1, le=64, description="CPU threads of one interpreter.")] = 1
    workers: Annotated[
        int,
        Meta(
            ge=1,
            le=16,
            description="Interpreters, each in a process of its own; cameras are dealt out among them.",
        ),
    ] = 1
    delegate: Annotated[
        str | None,
        Meta(description="An external delegate's library, as libedgetpu.so.1; the CPU if not set."),
    ] = None
    delegate_options: Annotated[
        dict[str, str], Meta(description="Passed to the delegate as they are.")
    ] = field(default_factory=dict)
    custom_ops: Annotated[
        dict[str, LibraryFunction],
        Meta(
            description="Operators that the runtime does not know, each as LIBRARY:FUNCTION that returns its TfLiteRegistration."
        ),
    ] = field(default_factory=dict)
    hang_s: Annotated[
        float,
        Meta(
            ge=0.5,
            le=600,
            description="A worker without progress for so long is killed and replaced.",
        ),
    ] = 5.0

    def resolve_file(self) -> Path:
        """The .tflite that is meant: `path`, or the bundled one."""
        return self.path or bundled.model_path(self.bundled)


class LabelFilter(Struct, frozen=True, kw_only=True):
    """[detect.label.LABEL]; what is not set falls back to [detect]."""

    threshold: Annotated[Fraction | None, Meta(description="Least score.")] = None
    min_area: Annotated[
        Fraction | None, Meta(description="Least box area, a fraction of the frame's.")
    ] = None
    max_area: Annotated[
        Fraction | None, Meta(description="Greatest box area, a fraction of the frame's.")
    ] = None
    min_ratio: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Least width / height of the box, in pixels."),
    ] = None
    max_ratio: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Greatest width / height of the box, in pixels."),
    ] = None


class DetectSettings(Struct, frozen=True, kw_only=True):
    """[detect], and [camera.NAME.detect], which is laid over it key by key."""

    threshold: Annotated[
        Fraction | None, Meta(description="Least score of a detection; 0.5 if not set.")
    ] = None
    labels: Annotated[
        tuple[str, ...] | None, Meta(description="Only these labels; all if not set.")
    ] = None
    min_area: Annotated[Fraction | None, Meta(description="As for a label, for all labels.")] = None
    max_area: Annotated[Fraction | None, Meta(description="As for a label, for all labels.")] = None
    min_ratio: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="As for a label, for all labels.")
    ] = None
    max_ratio: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="As for a label, for all labels.")
    ] = None
    label: Annotated[dict[str, LabelFilter], Meta(description="Per label.")] = field(
        default_factory=dict
    )


class TrackSettings(Struct, frozen=True, kw_only=True):
    """[track]: when detections become an object, and when it is gone."""

    min_hits: Annotated[
        int, Meta(ge=1, le=100, description="Detections before an object is believed.")
    ] = 3
    min_s: Annotated[
        float,
        Meta(
            ge=0, le=60, description="And time over which it has been seen: what flickers is quick."
        ),
    ] = 0.25
    lost_s: Annotated[
        float, Meta(gt=0, le=600, description="Unseen for so long, an object has ended.")
    ] = 2.0
    min_match_iou: Annotated[
        Fraction,
        Meta(description="Least overlap of a detection with where its object was expected."),
    ] = 0.2
    keep_threshold: Annotated[
        Fraction,
        Meta(
            description="Share of the label's threshold at which a known object is still followed (hysteresis)."
        ),
    ] = 0.6
    stationary_s: Annotated[
        float, Meta(gt=0, le=86400, description="Unmoved for so long, an object is stationary.")
    ] = 10.0


class EventSettings(Struct, frozen=True, kw_only=True):
    """[events]: what is told of an object."""

    update_s: Annotated[
        float, Meta(ge=0.1, le=86400, description="Least time between two updates of one object.")
    ] = 1.0
    stationary_update_s: Annotated[
        float, Meta(ge=1, le=86400, description="A stationary object is told of so often.")
    ] = 60.0
    detections: Annotated[
        bool, Meta(description="Publish every inferred frame's detections as well (QoS 0).")
    ] = True
    max_detections_hz: Annotated[
        float,
        Meta(
            gt=0,
            le=1000,
            description="Frames a second and camera beyond which detections are left out.",
        ),
    ] = 10.0


class ZoneSettings(Struct, frozen=True, kw_only=True):
    """[camera.NAME.zone.ZONE]."""

    points: Polygon
    labels: Annotated[
        tuple[str, ...] | None, Meta(description="Only these labels count; all if not set.")
    ] = None
    min_frames: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Frames an object must be in, or out, before that is believed.",
        ),
    ] = 2


class MaskSettings(Struct, frozen=True, kw_only=True):
    """[camera.NAME.mask.MASK]: made black before anything looks at the frame."""

    points: Polygon


class CameraSettings(Struct, frozen=True, kw_only=True):
    """[camera.NAME]: what every camera has; the driver's own keys stand beside them."""

    source: Annotated[
        str, Meta(description="Which driver: synthetic, replay, v4l2, rtsp, picamera2.")
    ]
    enabled: Annotated[bool, Meta(description="false leaves the camera out.")] = True
    isolation: Annotated[
        Literal["thread", "process"],
        Meta(description='"process" gives a source that can hang or crash a process of its own.'),
    ] = "thread"
    detect: DetectSettings = field(default_factory=DetectSettings)
    zone: dict[Name, ZoneSettings] = field(default_factory=dict)
    mask: dict[Name, MaskSettings] = field(default_factory=dict)
    driver: Struct | None = None
    """Filled by the loader: an instance of the driver's `Settings`; its keys stand in the camera's table itself."""


class SpoolSettings(Struct, frozen=True, kw_only=True):
    """[spool]: the on-disk queue until the broker has acknowledged."""

    max_mb: Annotated[
        float, Meta(gt=0, le=100_000, description="Greatest size of queued payloads.")
    ] = 64.0
    max_age_h: Annotated[float, Meta(gt=0, le=8760, description="Older messages are dropped.")] = (
        168.0
    )


class UpdateSettings(Struct, frozen=True, kw_only=True):
    """[updates]: models that come to a running device."""

    trust: Annotated[
        Path | None,
        Meta(
            description="Whose signatures count: a file made by `edged trust create`. Without one, no update is taken."
        ),
    ] = None
    folder: Annotated[
        Path | None,
        Meta(
            description="Bundles (*.edgem) that appear here, by renaming, are installed; the folder incoming of the model store if not set."
        ),
    ] = None
    channel: Annotated[
        bool,
        Meta(description="Follow the signed desired state on MQTT: the topic down/desired."),
    ] = False
    stale_h: Annotated[
        float,
        Meta(
            gt=0,
            le=8760,
            description="Running hours without news from the channel, after which `up/health` says so.",
        ),
    ] = 168.0
    reserve_mb: Annotated[
        float,
        Meta(ge=0, le=100_000, description="Disk space that no update may take."),
    ] = 64.0


class HealthSettings(Struct, frozen=True, kw_only=True):
    """[health]."""

    interval_s: Annotated[
        float, Meta(ge=1, le=3600, description="up/health is sent so often, and on every change.")
    ] = 30.0


class LogSettings(Struct, frozen=True, kw_only=True):
    """[log]."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level shown.")
    ] = "info"


class Settings(Struct, frozen=True, kw_only=True):
    """A whole configuration.

    `publisher` is filled by the loader from the one table that bears a publisher's name: (name, its `Settings`).
    """

    device: DeviceSettings = field(default_factory=DeviceSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    events: EventSettings = field(default_factory=EventSettings)
    camera: dict[Name, CameraSettings] = field(default_factory=dict)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    updates: UpdateSettings = field(default_factory=UpdateSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    log: LogSettings = field(default_factory=LogSettings)
    publisher: tuple[str, Struct] | None = None
