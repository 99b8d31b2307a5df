"""Cameras on a Raspberry Pi's ribbon cable, and whatever else libcamera knows, through picamera2.

Pictures come from the `lores` stream: the image processor has made them as small as the model wants, at no cost to the CPU.
picamera2's ways of starving or hanging, and what is done about each, are in docs/cameras.md.
"""

import gc
import logging
import threading
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from edged.cameras.yuv import nv12_to_yuv420p
from edged.clock import NS_PER_S, Clock
from edged.errors import CameraError, CameraTimeoutError
from edged.interfaces import CameraInfo
from edged.types import Frame, PixelFormat

_log = logging.getLogger(__name__)

_BUFFERS = 4
_CLOSE_TIMEOUT_S = 3.0
_MIN_MAIN_WIDTH = 1280
"""The sensor's mode follows the `main` stream: a small one may be a mode that sees only the middle of the scene."""
_MIN_WAIT_S = 0.001
"""0 means to picamera2 not to wait for the request, but to return a job."""


class Picamera2Settings(msgspec.Struct, frozen=True, kw_only=True):
    """[camera.NAME] with ``source = "picamera2"``."""

    camera: Annotated[
        str | None,
        Meta(
            description="Its Id or Model, as `rpicam-hello --list-cameras` shows them; the only camera there is if not set."
        ),
    ] = None
    width: Annotated[
        int, Meta(ge=64, le=4096, multiple_of=2, description="Of the lores stream.")
    ] = 640
    height: Annotated[
        int, Meta(ge=64, le=4096, multiple_of=2, description="Of the lores stream.")
    ] = 480
    fps: Annotated[float, Meta(gt=0, le=1000, description="Pictures a second to ask for.")] = 30.0
    rotation: Annotated[
        Literal[0, 180], Meta(description="180 for a camera that hangs upside down.")
    ] = 0
    controls: Annotated[
        dict[str, bool | int | float],
        Meta(
            description="libcamera's controls, as { AfMode = 2 }; those the sensor does not have are left out, and logged."
        ),
    ] = msgspec.field(default_factory=dict)


class Picamera2Camera:
    """See `edged.interfaces.Camera`.

    Frames are YUV420P, rows padded as the image processor pads them; `captured_ns` is the sensor's own time stamp. Frames that
    libcamera completed while nobody asked show as gaps in `seq`.
    """

    Settings: ClassVar[type[msgspec.Struct]] = Picamera2Settings

    def __init__(self, name: str, settings: Picamera2Settings, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._camera: Any = None
        self._lores: dict[str, Any] = {}
        self._next_seq = 0
        self._seq_offset: int | None = None
        """What to add to libcamera's own count, which begins at each start."""

    def open(self) -> CameraInfo:
        """See `edged.interfaces.Camera`."""
        self.close()
        library = self._import_picamera2()
        index, model = self._find_camera(library)
        try:
            self._camera = library.Picamera2(index)
            self._configure(self._camera)
            self._camera.start()
        except Exception as error:  # picamera2 raises whatever comes to hand
            raise CameraError(
                f"camera {self._name}: {model} cannot be opened: {error}; is another program using it?"
            ) from error
        width, height = self._lores["size"]
        if self._lores["format"] not in ("YUV420", "NV12"):
            raise CameraError(
                f"camera {self._name}: {model} gives {self._lores['format']}, not YUV420 or NV12"
            )
        return CameraInfo(
            width=width,
            height=height,
            fps=self._settings.fps,
            description=f"{model} through picamera2",
        )

    def grab(self, timeout_s: float) -> Frame:
        """See `edged.interfaces.Camera`."""
        if self._camera is None:
            raise CameraError(f"camera {self._name} is not open")
        try:
            request = self._camera.capture_request(wait=max(timeout_s, _MIN_WAIT_S))
        except TimeoutError:
            # Its job would stay in the queue, hold the next request, and after four of them the camera gets no buffer.
            self._camera.cancel_all_and_flush()
            raise CameraTimeoutError(
                f"camera {self._name}: no frame within {timeout_s:g} s"
            ) from None
        try:
            return self._make_frame(request)
        finally:
            request.release()

    def close(self) -> None:
        """See `edged.interfaces.Camera`; what hangs in libcamera is left behind after a while."""
        camera, self._camera = self._camera, None
        self._seq_offset = None
        if camera is None:
            return
        closing = threading.Thread(
            target=_close, args=(camera,), name=f"close-{self._name}", daemon=True
        )
        closing.start()
        closing.join(_CLOSE_TIMEOUT_S)
        if closing.is_alive():
            _log.warning("camera %s: picamera2 hangs while it closes", self._name)
        del camera, closing
        # libcamera's objects hold each other; a camera that one of them still holds cannot be opened again.
        gc.collect()

    def _import_picamera2(self) -> Any:
        try:
            import picamera2
        except (
            ImportError,
            ValueError,
        ) as error:  # ValueError: a part of it was built for another numpy
            raise CameraError(
                f"camera {self._name}: picamera2 cannot be used ({error}); install Debian's python3-picamera2, and let"
                " edged's virtual environment see it (--system-site-packages)"
            ) from error
        return picamera2

    def _find_camera(self, library: Any) -> tuple[int, str]:
        """Position in picamera2's list, and model."""
        cameras = library.Picamera2._cm  # noqa: SLF001 - the only way to have the list made anew
        if not cameras.cameras:
            cameras.reset()
        present = library.Picamera2.global_camera_info()
        wanted = self._settings.camera
        found = [
            (index, str(info["Model"]))
            for index, info in enumerate(present)
            if wanted in (None, info["Id"], info["Model"])
        ]
        if len(found) == 1:
            return found[0]
        there = ", ".join(f"{info['Model']} ({info['Id']})" for info in present) or "none"
        what = f"no camera {wanted!r}" if wanted and not found else "which camera is not clear"
        raise CameraError(
            f"camera {self._name}: {what}; libcamera sees: {there}; set `camera` to an Id or Model"
        )

    def _configure(self, camera: Any) -> None:
        import libcamera

        settings = self._settings
        times = -(-_MIN_MAIN_WIDTH // settings.width)
        flipped = settings.rotation == 180  # noqa: PLR2004 - degrees
        period_us = round(1e6 / settings.fps)
        controls = {**settings.controls, "FrameDurationLimits": (period_us, period_us)}
        unknown = sorted(set(settings.controls) - set(camera.camera_controls))
        if unknown:
            _log.warning("camera %s has no control %s", self._name, ", ".join(unknown))
        configuration = camera.create_video_configuration(
            main={"size": (settings.width * times, settings.height * times), "format": "YUV420"},
            lores={"size": (settings.width, settings.height), "format": "YUV420"},
            transform=libcamera.Transform(hflip=flipped, vflip=flipped),
            colour_space=libcamera.ColorSpace.Smpte170m(),  # BT.601, as OpenCV's conversion wants it
            buffer_count=_BUFFERS,
            queue=False,
            controls={k: v for k, v in controls.items() if k in camera.camera_controls},
            display=None,
            encode=None,
        )
        camera.configure(configuration)
        self._lores = camera.stream_configuration("lores")

    def _make_frame(self, request: Any) -> Frame:
        now_ns = self._clock.monotonic_ns()
        stamp_ns = request.get_metadata().get("SensorTimestamp", now_ns)
        if self._seq_offset is None:
            self._seq_offset = self._next_seq - request.request.sequence
        seq = request.request.sequence + self._seq_offset
        self._next_seq = seq + 1
        width, height = self._lores["size"]
        return Frame(
            camera=self._name,
            seq=seq,
            captured_ns=stamp_ns if 0 <= now_ns - stamp_ns < NS_PER_S else now_ns,
            received_ns=now_ns,
            pixels=self._copy_pixels(request),
            format=PixelFormat.YUV420P,
            width=width,
            height=height,
        )

    def _copy_pixels(self, request: Any) -> NDArray[np.uint8]:
        from picamera2 import MappedArray

        stride = self._lores["stride"]
        rows = self._lores["size"][1] * 3 // 2
        with MappedArray(request, "lores", reshape=False) as mapped:
            pixels = mapped.array[: rows * stride].reshape(rows, stride)
            if self._lores["format"] == "NV12":
                return nv12_to_yuv420p(pixels)
            return np.array(pixels, np.uint8)


def _close(camera: Any) -> None:
    try:
        camera.cancel_all_and_flush()
        camera.close()
    except Exception as error:  # noqa: BLE001 - it is being thrown away
        _log.debug("closing a camera failed: %r", error)
