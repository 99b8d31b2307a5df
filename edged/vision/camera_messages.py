"""The messages of the supervisor and a vision worker about single cameras."""

from typing import Literal

from msgspec import Raw, Struct

from edged.config.settings import Polygon
from edged.vision.inference_plan import InferencePlan
from edged.vision.picture_messages import PicturePlan


class CameraJob(Struct, frozen=True, kw_only=True):
    """One camera that a worker opens.

    Attributes:
        name: the camera's name in the configuration.
        source: its driver's name in the registry.
        isolation: "process" if the driver runs in a process of its own.
        driver_settings: the driver's `Settings`, as JSON: only the worker imports the driver.
        resume_at: number of the picture at which a recording goes on.
    """

    name: str
    source: str
    isolation: Literal["thread", "process"]
    driver_settings: Raw
    resume_at: int = 0


class CameraPlan(Struct, frozen=True, kw_only=True):
    """The treatment of one camera's frames.

    Attributes:
        min_score: detections below this score are of no use, and are left out.
        threshold: the lowest score with which an object of any label can begin.
        inference: the frames on which the model runs.
        masks: polygons that are made black, corners as [x, y] in fractions of the frame.
        weight: its share of the interpreter, relative to the other cameras'.
        pictures: how its frames are kept for pictures; None if none may be made.
    """

    min_score: float
    threshold: float = 0.5
    inference: InferencePlan = InferencePlan()
    masks: tuple[Polygon, ...] = ()
    weight: float = 1.0
    pictures: PicturePlan | None = None


class CameraReport(Struct, frozen=True, kw_only=True):
    """The state of one camera.

    Attributes:
        name: the camera's name.
        state: a `CaptureState`.
        reason: why the camera is lost or has ended; otherwise "".
        description: the device, in words.
        width: width of its frames, pixels; 0 until it is open.
        height: height of its frames, pixels; 0 until it is open.
        fps: nominal frame rate, frames per second; 0.0 if unknown.
        captured: frames that the camera delivered; all counters are since the worker started.
        dropped: frames captured but not inferred: replaced in the slot, or skipped by the driver; and those whose observation could not be sent,
            because the supervisor did not read. `failed` counts the failed ones.
        inferred: frames on which the model ran.
        failed: frames on which the model failed.
        still: frames on which the model did not run because nothing had changed.
        over_rate: frames on which the model did not run because they were above `max_fps`.
        reconnects: how often the camera came back after a loss.
        is_live: the camera does not wait for its consumer, so that only its newest frame matters; False for a lossless one, and until it is open.
        last_frame_ns: monotonic time of the last frame; None before the first.
    """

    name: str
    state: Literal["opening", "running", "lost", "ended"]
    reason: str = ""
    description: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    captured: int = 0
    dropped: int = 0
    inferred: int = 0
    failed: int = 0
    still: int = 0
    over_rate: int = 0
    reconnects: int = 0
    is_live: bool = False
    last_frame_ns: int | None = None


class PictureAtRest(Struct, frozen=True, kw_only=True, tag="rest"):
    """Worker to supervisor, a few times a second while a camera's picture is at rest: what the last `Observation` shows is still there.

    Attributes:
        camera: index into the job's cameras.
        frame_seq: number of the newest frame.
        captured_ns: when it was captured.
    """

    camera: int
    frame_seq: int
    captured_ns: int
