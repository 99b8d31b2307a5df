"""Raspberry Pi CSI cameras, and all others that libcamera supports, through picamera2.

The ISP scales the `lores` stream to the configured width and height, at no cost to the CPU. docs/cameras.md lists the ways in which
picamera2 runs out of buffers or hangs, and what this driver does about each.
"""

import gc
import logging
import threading
from collections.abc import Collection
from typing import Any, ClassVar

import msgspec

from edged.cameras.libcamera_stream import copy_planes, read_colour
from edged.cameras.picamera2_settings import Picamera2Settings
from edged.clock import NS_PER_S, Clock
from edged.errors import CameraError, CameraTimeoutError, describe_error
from edged.interfaces import CameraInfo, Library
from edged.types import LIMITED_BT601, Frame, PixelFormat

_log = logging.getLogger(__name__)

_PICAMERA2 = Library(
    name="picamera2",
    module="picamera2",
    install="install Debian's python3-picamera2, and create edged's virtual environment with --system-site-packages",
)
_BUFFERS = 4
_CLOSE_TIMEOUT_S = 3.0
_MIN_MAIN_WIDTH = 1280
"""The sensor's mode follows the `main` stream, and small modes may crop the sensor to its centre."""
_MIN_WAIT_S = 0.001  # with 0, picamera2 does not wait for the request but returns a job


class Picamera2Camera:
    """A libcamera camera.

    Frames are YUV420P, rows padded as the ISP pads them; `captured_ns` is the sensor's own time stamp. Frames that
    libcamera completed between two calls of `grab` show as gaps in `seq`.
    """

    Settings: ClassVar[type[msgspec.Struct]] = Picamera2Settings
    libraries: ClassVar[tuple[Library, ...]] = (_PICAMERA2,)
    max_open_s = 20.0

    def __init__(self, name: str, settings: Picamera2Settings, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._camera: Any = None
        self._lores: dict[str, Any] = {}
        self._colour = LIMITED_BT601
        self._next_seq = 0
        self._seq_offset: int | None = None
        """Number to add to libcamera's own count, which restarts at each opening."""

    def open(self) -> CameraInfo:
        """Find, configure and start the camera.

        Raises:
            CameraError: picamera2 is not installed, or the camera is absent, ambiguous, busy, or has another pixel format.
        """
        self.close()
        library = self._import_picamera2()
        index, model = self._find_camera(library)
        try:
            self._camera = library.Picamera2(index)
            self._configure(self._camera)
            self._camera.start()
        except Exception as error:  # picamera2 raises many types
            message = (
                f"cannot open {model}: {describe_error(error)}; check that no other program uses it"
            )
            raise CameraError(f"camera {self._name}: {message}") from error
        return self._describe(model)

    def grab(self, timeout_s: float) -> Frame:
        """Wait for libcamera's next completed request.

        Raises:
            CameraTimeoutError: no request completed within `timeout_s`.
            CameraError: the camera is not open.
        """
        if self._camera is None:
            raise CameraError(f"camera {self._name} is not open")
        try:
            request = self._camera.capture_request(wait=max(timeout_s, _MIN_WAIT_S))
        except TimeoutError:
            # Its job would stay in the queue and hold the next request: after four of them the camera has no buffer left.
            self._camera.cancel_all_and_flush()
            message = f"camera {self._name}: no frame within {timeout_s:g} s"
            raise CameraTimeoutError(message) from None
        try:
            return self._make_frame(request)
        finally:
            request.release()

    def close(self) -> None:
        """Close the camera in a thread of its own, and abandon that thread if libcamera hangs."""
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
            message = "camera %s: close timed out after %g s; abandoning the thread"
            _log.warning(message, self._name, _CLOSE_TIMEOUT_S)
        del camera, closing
        # libcamera's objects refer to each other, and a camera cannot be opened again while one of them lives.
        gc.collect()

    def _describe(self, model: str) -> CameraInfo:
        layout = self._lores["format"]
        if layout not in ("YUV420", "NV12"):
            raise CameraError(
                f"camera {self._name}: {model} delivers {layout}; edged supports YUV420 and NV12"
            )
        width, height = self._lores["size"]
        return CameraInfo(
            width=width,
            height=height,
            fps=self._settings.fps,
            description=f"{model} through picamera2",
        )

    def _import_picamera2(self) -> Any:
        try:
            import picamera2
        except (ImportError, ValueError) as error:  # ValueError: it was built for another numpy
            raise CameraError(
                f"camera {self._name}: cannot import picamera2 ({error}); {_PICAMERA2.install}"
            ) from error
        return picamera2

    def _find_camera(self, library: Any) -> tuple[int, str]:
        """Return the camera's position in picamera2's list, and its model."""
        cameras = library.Picamera2._cm  # noqa: SLF001 - the only way to refresh the list
        if not cameras.cameras:
            cameras.reset()
        present = library.Picamera2.global_camera_info()
        wanted = self._settings.camera
        matching = [
            (index, str(info["Model"]))
            for index, info in enumerate(present)
            if wanted in (None, info["Id"], info["Model"])
        ]
        if len(matching) == 1:
            return matching[0]
        listed = ", ".join(f"{info['Model']} ({info['Id']})" for info in present) or "none"
        missing = f"no camera matches '{wanted}'" if wanted else "no camera found"
        problem = "several cameras match" if matching else missing
        raise CameraError(
            f"camera {self._name}: {problem}; libcamera lists: {listed}; set `camera` to an Id or Model"
        )

    def _configure(self, camera: Any) -> None:
        import libcamera

        settings = self._settings
        times = -(-_MIN_MAIN_WIDTH // settings.width)
        flipped = settings.rotation == 180  # noqa: PLR2004 - degrees
        configuration = camera.create_video_configuration(
            main={"size": (settings.width * times, settings.height * times), "format": "YUV420"},
            lores={"size": (settings.width, settings.height), "format": "YUV420"},
            transform=libcamera.Transform(hflip=flipped, vflip=flipped),
            colour_space=libcamera.ColorSpace.Smpte170m(),  # limited BT.601, the cheapest to convert
            buffer_count=_BUFFERS,
            queue=False,
            controls=self._build_controls(camera.camera_controls),
            display=None,
            encode=None,
        )
        camera.configure(configuration)
        self._lores = camera.stream_configuration("lores")
        self._colour = read_colour(camera)

    def _build_controls(self, available: Collection[str]) -> dict[str, Any]:
        unknown = sorted(set(self._settings.controls) - set(available))
        if unknown:
            text = ", ".join(unknown)
            _log.warning("camera %s: ignoring controls that it does not have: %s", self._name, text)
        period_us = round(1e6 / self._settings.fps)
        controls = {**self._settings.controls, "FrameDurationLimits": (period_us, period_us)}
        return {name: value for name, value in controls.items() if name in available}

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
            pixels=copy_planes(request, self._lores),
            format=PixelFormat.YUV420P,
            width=width,
            height=height,
            colour=self._colour,
        )


def _close(camera: Any) -> None:
    try:
        camera.cancel_all_and_flush()
        camera.close()
    except Exception as error:  # noqa: BLE001 - the camera is discarded anyway
        _log.debug("closing a camera failed: %r", error)
