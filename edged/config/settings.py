"""All settings, each with its type, bounds, default and description.

``deploy/edged.toml`` shows and explains each of them, and a test checks that it is complete. The keys of a camera driver or a
publisher are in the driver's own `Settings`.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edged import bundled
from edged.config.addresses import LISTEN_ADDRESS, PATH_TEXT, TOPIC_PREFIX

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, Meta(ge=0.0)]
Point = tuple[Fraction, Fraction]
LibraryFunction = Annotated[str, Meta(pattern=r"^.+:[A-Za-z_][A-Za-z0-9_]*\Z")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]
Polygon = Annotated[
    tuple[Point, ...],
    Meta(
        min_length=3,
        description="Corners as [x, y], fractions of the frame, origin at the top left.",
    ),
]


class DeviceSettings(Struct, frozen=True, kw_only=True):
    """[device]."""

    name: Annotated[
        Name | None,
        Meta(
            description="Name of this device in every topic and message; the host name if not set."
        ),
    ] = None
    state_dir: Annotated[
        Path | None,
        Meta(
            description="Directory of the spool and its counters; if not set, $STATE_DIRECTORY, otherwise ~/.local/state/edged."
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
            description="SHA-256 that the file at path must have each time it is loaded; not checked if not set."
        ),
    ] = None
    bundled: Annotated[
        Literal["marks", "marks-fast", "marks-accurate"],
        Meta(description="The bundled model to run if path is not set."),
    ] = "marks"
    labels: Annotated[
        tuple[str, ...] | None,
        Meta(description="Names of the classes in order; those in the model file if not set."),
    ] = None
    labels_file: Annotated[
        Path | None,
        Meta(
            description="A file with the names of the classes: one per line, or in another usual form."
        ),
    ] = None
    family: Annotated[
        str,
        Meta(
            description='The model family, which decodes the outputs; "auto" recognises it from the file.'
        ),
    ] = "auto"
    runtime: Annotated[
        str,
        Meta(
            description='The runtime: "litert", "tflite", "simulated", or "auto": the first of litert and tflite that is installed.'
        ),
    ] = "auto"
    threads: Annotated[
        int, Meta(ge=1, le=64, description="Number of CPU threads of one interpreter.")
    ] = 1
    workers: Annotated[
        int,
        Meta(
            ge=1,
            le=16,
            description="Number of vision workers, each with one interpreter in a process of its own; the cameras are distributed among them.",
        ),
    ] = 1
    delegate: Annotated[
        str | None,
        Meta(
            extra=PATH_TEXT,
            description="Library of an external delegate, as libedgetpu.so.1; the model runs on the CPU if not set.",
        ),
    ] = None
    delegate_options: Annotated[
        dict[str, str], Meta(description="Options that are passed to the delegate unchanged.")
    ] = field(default_factory=dict)
    custom_ops: Annotated[
        dict[str, LibraryFunction],
        Meta(
            description="Operators that the runtime does not implement, each as LIBRARY:FUNCTION; the function returns its TfLiteRegistration."
        ),
    ] = field(default_factory=dict)
    hang_s: Annotated[
        float,
        Meta(
            ge=0.5,
            le=600,
            description="Longest time without progress before a worker is killed and replaced, seconds.",
        ),
    ] = 5.0

    def resolve_file(self) -> Path:
        """Return the .tflite to run: `path`, or the bundled one."""
        return self.path or bundled.model_path(self.bundled)


class LabelFilter(Struct, frozen=True, kw_only=True):
    """[detect.label.LABEL]; keys that are not set have the values of [detect]."""

    threshold: Annotated[
        Fraction | None, Meta(description="Smallest score of a detection of this label.")
    ] = None
    min_area: Annotated[
        Fraction | None, Meta(description="Smallest area of the box, as a fraction of the frame's.")
    ] = None
    max_area: Annotated[
        Fraction | None, Meta(description="Largest area of the box, as a fraction of the frame's.")
    ] = None
    min_ratio: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Smallest width / height of the box, both in pixels."),
    ] = None
    max_ratio: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Largest width / height of the box, both in pixels."),
    ] = None


class DetectSettings(Struct, frozen=True, kw_only=True):
    """[detect], and [camera.NAME.detect], which overrides it key by key."""

    enabled: Annotated[
        bool | None,
        Meta(
            description="false: the camera is captured, but the model does not run on its frames. true if not set."
        ),
    ] = None
    threshold: Annotated[
        Fraction | None,
        Meta(
            description="Smallest score of a detection; what the model recommends for each label if not set, otherwise 0.5."
        ),
    ] = None
    labels: Annotated[
        tuple[str, ...] | None, Meta(description="The labels to detect; all if not set.")
    ] = None
    min_area: Annotated[
        Fraction | None, Meta(description="The same limit as in label, for all labels.")
    ] = None
    max_area: Annotated[
        Fraction | None, Meta(description="The same limit as in label, for all labels.")
    ] = None
    min_ratio: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="The same limit as in label, for all labels."),
    ] = None
    max_ratio: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="The same limit as in label, for all labels."),
    ] = None
    label: Annotated[dict[str, LabelFilter], Meta(description="Filters for single labels.")] = (
        field(default_factory=dict)
    )


class InferenceSettings(Struct, frozen=True, kw_only=True):
    """[inference], and [camera.NAME.inference], which overrides it key by key: the frames, and the parts of frames, on which the model runs."""

    gate: Annotated[
        Literal["motion", "off"] | None,
        Meta(
            description='"motion": the model runs while something in the picture changes, and for a second after; "off": on every frame. "motion" if not set.'
        ),
    ] = None
    recheck_s: Annotated[
        Annotated[float, Meta(ge=0, le=86400)] | None,
        Meta(
            description="With the gate: time after which the model runs again on a picture at rest in which it has found something, seconds; 0: never. 30 if not set."
        ),
    ] = None
    idle_fps: Annotated[
        Annotated[float, Meta(gt=0, le=1000)] | None,
        Meta(
            description="With the gate: largest rate at which frames are compared while nothing changes, frames per second. 10 if not set."
        ),
    ] = None
    max_fps: Annotated[
        Annotated[float, Meta(gt=0, le=1000)] | None,
        Meta(
            description="Largest rate at which the model runs on this camera's frames, frames per second. No limit if not set."
        ),
    ] = None
    regions: Annotated[
        Annotated[int, Meta(ge=0, le=16)] | None,
        Meta(
            description="Largest number of additional runs of the model on a frame, each on a part in which something moves or is tracked, so that small objects are found. 0 if not set."
        ),
    ] = None
    tile_columns: Annotated[
        Annotated[int, Meta(ge=1, le=8)] | None,
        Meta(
            description="Columns of a grid of parts of the frame, on each of which the model runs as well. 1 if not set."
        ),
    ] = None
    tile_rows: Annotated[
        Annotated[int, Meta(ge=1, le=8)] | None,
        Meta(description="Rows of that grid. 1 if not set; one column and one row are no grid."),
    ] = None


class TrackSettings(Struct, frozen=True, kw_only=True):
    """[track]: when detections become an object, and when the object has ended."""

    min_hits: Annotated[
        int, Meta(ge=1, le=100, description="Number of detections before an object is confirmed.")
    ] = 3
    min_s: Annotated[
        float,
        Meta(
            ge=0,
            le=60,
            description="Time between first and last detection before an object is confirmed, seconds; it excludes flickering detections.",
        ),
    ] = 0.25
    lost_s: Annotated[
        float,
        Meta(
            gt=0,
            le=600,
            description="Time without a detection after which an object has ended, seconds.",
        ),
    ] = 2.0
    stationary_lost_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86400,
            description="The same for an object of `stationary_labels` that appears where one ended without having moved, as a parked car that the detector finds in spells only.",
        ),
    ] = 60.0
    stationary_labels: Annotated[
        tuple[str, ...] | None,
        Meta(
            description="Labels of objects that stay at one place for long, and of which another one does not follow at once; vehicles if not set."
        ),
    ] = None
    min_match_iou: Annotated[
        Fraction,
        Meta(
            description="Smallest overlap (IoU) of a detection with the predicted box of its object."
        ),
    ] = 0.2
    keep_threshold: Annotated[
        Fraction,
        Meta(
            description="Share of the label's threshold down to which a confirmed object is still tracked (hysteresis)."
        ),
    ] = 0.6
    stationary_s: Annotated[
        float,
        Meta(
            gt=0,
            le=86400,
            description="Time without movement after which an object is stationary, seconds.",
        ),
    ] = 10.0


class EventSettings(Struct, frozen=True, kw_only=True):
    """[events]: the messages about an object."""

    update_s: Annotated[
        float,
        Meta(
            ge=0.1,
            le=86400,
            description="Shortest time between two updates of one object, seconds.",
        ),
    ] = 1.0
    stationary_update_s: Annotated[
        float,
        Meta(
            ge=1, le=86400, description="Time between two updates of a stationary object, seconds."
        ),
    ] = 60.0
    detections: Annotated[
        bool, Meta(description="Also publish the detections of each frame (QoS 0).")
    ] = True
    max_detections_hz: Annotated[
        float,
        Meta(
            gt=0,
            le=1000,
            description="Largest rate of published detections, frames per second and camera; those of further frames are dropped.",
        ),
    ] = 10.0


class ZoneSettings(Struct, frozen=True, kw_only=True):
    """[camera.NAME.zone.ZONE]."""

    points: Polygon
    enabled: Annotated[
        bool, Meta(description="false: the zone is kept, but no object is in it.")
    ] = True
    labels: Annotated[
        tuple[str, ...] | None,
        Meta(description="The labels that count in this zone; all if not set."),
    ] = None
    min_frames: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Number of consecutive frames in or out of the zone before an object enters or leaves it.",
        ),
    ] = 2


class MaskSettings(Struct, frozen=True, kw_only=True):
    """[camera.NAME.mask.MASK]: an area that is made black before the frame is used."""

    points: Polygon
    enabled: Annotated[bool, Meta(description="false: the area is not made black.")] = True


class CameraSettings(Struct, frozen=True, kw_only=True):
    """[camera.NAME]: the keys that every camera has; the driver's own keys are in the same table."""

    source: Annotated[
        str, Meta(description="The camera driver: synthetic, replay, v4l2, rtsp, picamera2.")
    ]
    enabled: Annotated[bool, Meta(description="false disables the camera.")] = True
    isolation: Annotated[
        Literal["thread", "process"],
        Meta(
            description='"process" runs the driver in a process of its own, for a source that can hang or crash; "thread" in the vision worker.'
        ),
    ] = "thread"
    images: Annotated[
        Literal["never", "on_request", "events"] | None,
        Meta(
            description="What may leave the device of this camera's pictures; images.policy if not set."
        ),
    ] = None
    weight: Annotated[
        float,
        Meta(
            ge=0.01,
            le=100,
            description="Share of the model's time, relative to the other cameras: a camera with 2 gets twice as many inferences as one with 1, while both have frames waiting.",
        ),
    ] = 1.0
    detect: DetectSettings = field(default_factory=DetectSettings)
    inference: InferenceSettings = field(default_factory=InferenceSettings)
    zone: dict[Name, ZoneSettings] = field(default_factory=dict)
    mask: dict[Name, MaskSettings] = field(default_factory=dict)
    driver: Struct | None = None
    """An instance of the driver's `Settings`, filled by the loader from the keys in the camera's own table."""


class SpoolSettings(Struct, frozen=True, kw_only=True):
    """[spool]: the queue on disk that holds messages until the broker has acknowledged them."""

    max_mb: Annotated[
        float, Meta(gt=0, le=100_000, description="Largest total size of the queued payloads, MB.")
    ] = 64.0
    max_age_h: Annotated[
        float, Meta(gt=0, le=8760, description="Age after which messages are dropped, hours.")
    ] = 168.0


class UpdateSettings(Struct, frozen=True, kw_only=True):
    """[updates]: model updates while the device runs."""

    trust: Annotated[
        Path | None,
        Meta(
            description="The keys whose signatures are accepted: a file made by `edged trust create`. Without it, no update is accepted."
        ),
    ] = None
    local_key: Annotated[
        Path | None,
        Meta(
            description="The public key of this device, made by `edged trust key`: models that it has signed, and whose names begin with local-, are accepted as well. Without it, the device accepts no model of its own."
        ),
    ] = None
    folder: Annotated[
        Path | None,
        Meta(
            description="The drop folder: bundles (*.edgem) that are renamed into it are installed; the folder incoming of the model store if not set."
        ),
    ] = None
    channel: Annotated[
        bool,
        Meta(description="Follow the signed desired state on the MQTT topic down/desired."),
    ] = False
    install: Annotated[
        Literal["auto", "on_request"],
        Meta(
            description='"auto": a version that the channel offers is installed at once; "on_request": when the command update.install asks for it.'
        ),
    ] = "auto"
    stale_h: Annotated[
        float,
        Meta(
            gt=0,
            le=8760,
            description="Hours of running without a desired state from the channel, after which `up/health` reports it.",
        ),
    ] = 168.0
    reserve_mb: Annotated[
        float,
        Meta(ge=0, le=100_000, description="Disk space that an update must leave free, MB."),
    ] = 64.0


class CommandSettings(Struct, frozen=True, kw_only=True):
    """[commands]: what the device does on messages below down/cmd/."""

    enabled: Annotated[
        bool, Meta(description="Execute commands; if false, the device subscribes to none.")
    ] = False
    verbs: Annotated[
        tuple[str, ...] | None,
        Meta(description="The commands that are executed; all if not set."),
    ] = None
    keep: Annotated[
        bool,
        Meta(
            description="Keep what commands have switched (detection, thresholds, zones, masks) over a restart; if false, the configuration holds again."
        ),
    ] = False


class HomeAssistantSettings(Struct, frozen=True, kw_only=True):
    """[home_assistant]: MQTT discovery."""

    enabled: Annotated[
        bool,
        Meta(description="Publish discovery messages, so that Home Assistant adds the device."),
    ] = False
    prefix: Annotated[
        str,
        Meta(
            extra=TOPIC_PREFIX,
            description="Home Assistant's discovery prefix; its birth message is on PREFIX/status.",
        ),
    ] = "homeassistant"


class ImageSettings(Struct, frozen=True, kw_only=True):
    """[images]: which pictures leave the device, and how."""

    policy: Annotated[
        Literal["never", "on_request", "events"],
        Meta(
            description='"never": no pixel leaves the device; "on_request": pictures for the page and for the command snapshot; "events": also the best picture of each object, kept on disk and published.'
        ),
    ] = "never"
    annotate: Annotated[bool, Meta(description="Draw boxes and labels into pictures.")] = True
    crop: Annotated[
        bool, Meta(description="Cut an object's picture down to the object, with a margin.")
    ] = False
    max_width: Annotated[
        int, Meta(ge=64, le=8192, description="Largest width of a picture, pixels.")
    ] = 1280
    quality: Annotated[int, Meta(ge=1, le=100, description="Quality of the JPEG.")] = 80
    retain: Annotated[
        bool,
        Meta(
            description="Let the broker keep each camera's last picture: it then lies there, until it is replaced."
        ),
    ] = False
    hide: Annotated[
        tuple[str, ...],
        Meta(description="Labels of objects that are made unrecognisable in every picture."),
    ] = ()
    hide_by: Annotated[
        Literal["blur", "pixelate", "black"],
        Meta(description="How the objects of hide are made unrecognisable."),
    ] = "pixelate"
    keep_mb: Annotated[
        float,
        Meta(
            ge=0, le=100_000, description="Largest total size of the objects' pictures on disk, MB."
        ),
    ] = 100.0
    keep_h: Annotated[
        float,
        Meta(ge=0, le=87_600, description="Age after which an object's picture is deleted, hours."),
    ] = 168.0


class CollectSettings(Struct, frozen=True, kw_only=True):
    """[collect]: hard examples, pictures that the device keeps for training and calibration."""

    enabled: Annotated[
        bool,
        Meta(
            description="Keep hard examples on disk, of cameras whose pictures the policy allows; false removes those that are kept."
        ),
    ] = False
    margin: Annotated[
        float,
        Meta(
            ge=0.0,
            le=0.5,
            description="A frame is a hard example if the score of a detection is at most so far from the threshold of its label.",
        ),
    ] = 0.1
    interval_s: Annotated[
        float,
        Meta(
            ge=1,
            le=86_400,
            description="Shortest time between two hard examples of one camera for the same reason, seconds.",
        ),
    ] = 60.0
    keep_count: Annotated[
        int, Meta(ge=1, le=100_000, description="Largest number of hard examples on disk.")
    ] = 500
    keep_mb: Annotated[
        float,
        Meta(ge=0, le=100_000, description="Largest total size of the hard examples on disk, MB."),
    ] = 100.0
    keep_h: Annotated[
        float,
        Meta(ge=0, le=87_600, description="Age after which a hard example is deleted, hours."),
    ] = 720.0


class PageSettings(Struct, frozen=True, kw_only=True):
    """[page]: the local web page."""

    listen: Annotated[
        str | None,
        Meta(
            extra=LISTEN_ADDRESS,
            description="Address and port of the page, as 127.0.0.1:8080; no page if not set.",
        ),
    ] = None
    token_file: Annotated[
        Path | None,
        Meta(
            description="A file with the token that the page asks for; required if the address is not a loopback address."
        ),
    ] = None
    tls_certificate: Annotated[
        Path | None,
        Meta(
            description="Certificate of the page, PEM; required with tls_key if the address is not a loopback address."
        ),
    ] = None
    tls_key: Annotated[Path | None, Meta(description="Private key of the certificate, PEM.")] = None
    can_edit: Annotated[
        bool, Meta(description="The page can save zones, masks and thresholds.")
    ] = True


class MetricsSettings(Struct, frozen=True, kw_only=True):
    """[metrics]: /metrics for Prometheus, /healthz and /readyz."""

    listen: Annotated[
        str | None,
        Meta(
            extra=LISTEN_ADDRESS,
            description="Address and port of the metrics, as 127.0.0.1:9100; none are served if not set.",
        ),
    ] = None


class HealthSettings(Struct, frozen=True, kw_only=True):
    """[health]."""

    interval_s: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="Time between two up/health messages, seconds; one is also sent on every change.",
        ),
    ] = 30.0


class LogSettings(Struct, frozen=True, kw_only=True):
    """[log]."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Lowest level that is logged."),
    ] = "info"


class Settings(Struct, frozen=True, kw_only=True):
    """A whole configuration.

    Attributes:
        device: [device].
        model: [model].
        detect: [detect].
        inference: [inference].
        track: [track].
        events: [events].
        camera: the tables [camera.NAME], by name.
        spool: [spool].
        updates: [updates].
        commands: [commands].
        home_assistant: [home_assistant].
        images: [images].
        collect: [collect].
        page: [page].
        metrics: [metrics].
        health: [health].
        log: [log].
        dialect: the `Settings` of each dialect that is in use, by its name, filled by the loader from the tables [dialect.NAME].
        publisher: name and `Settings` of the publisher, filled by the loader from the table with a publisher's name; None if
            there is none.
    """

    device: DeviceSettings = field(default_factory=DeviceSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    inference: InferenceSettings = field(default_factory=InferenceSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    events: EventSettings = field(default_factory=EventSettings)
    camera: dict[Name, CameraSettings] = field(default_factory=dict)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    updates: UpdateSettings = field(default_factory=UpdateSettings)
    commands: CommandSettings = field(default_factory=CommandSettings)
    home_assistant: HomeAssistantSettings = field(default_factory=HomeAssistantSettings)
    images: ImageSettings = field(default_factory=ImageSettings)
    collect: CollectSettings = field(default_factory=CollectSettings)
    page: PageSettings = field(default_factory=PageSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    log: LogSettings = field(default_factory=LogSettings)
    dialect: dict[str, Struct] = field(default_factory=dict)
    publisher: tuple[str, Struct] | None = None
