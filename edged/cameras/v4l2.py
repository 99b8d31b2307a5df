"""USB and other cameras behind a /dev/video node, through OpenCV's V4L2 back-end.

OpenCV waits up to 10 s for a frame and has no shorter timeout per call; so it waits in a thread (`edged.cameras.threaded`).
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from edged.cameras.jpeg_pictures import choose_reduction, decode_jpeg
from edged.cameras.threaded import CapturedFrame, FrameSource, ThreadedCamera
from edged.cameras.v4l2_colour import can_split, read_colour, split_raw
from edged.cameras.v4l2_node import open_node, read_card_name
from edged.cameras.v4l2_settings import V4l2Settings
from edged.clock import NS_PER_S, Clock
from edged.errors import CameraError
from edged.interfaces import CameraInfo
from edged.types import LIMITED_BT601, PixelFormat

if TYPE_CHECKING:
    import cv2

_FOURCC = {"mjpeg": "MJPG", "yuyv": "YUYV"}
_MAX_UNCOMPRESSED_PX = 640 * 480
"""The largest size of which USB 2 carries 30 uncompressed pictures per second."""
_MAX_CORRUPT = 30
"""Number of consecutive undecodable pictures after which the camera counts as lost."""
_SELECT_TIMEOUT_S = "3"


class V4l2Camera(ThreadedCamera):
    """A V4L2 camera.

    Frames are BGR24, or YUV420P where the camera's colours are not those of limited BT.601; `captured_ns` is the kernel's time stamp of the buffer if that is monotonic, else the time of reading.
    """

    Settings: ClassVar[type[msgspec.Struct]] = V4l2Settings

    def __init__(self, name: str, settings: V4l2Settings, clock: Clock) -> None:
        """Store the arguments; open nothing.

        Args:
            name: the camera's name in the configuration.
            settings: the camera's settings.
            clock: the source of time stamps.
        """
        super().__init__(name, clock)
        self._settings = settings
        self._needed_size: tuple[int, int] | None = None

    def set_needed_size(self, size: tuple[int, int] | None) -> None:
        """Say of what size a frame's pixels must be at least: JPEGs are then decoded at the smallest size that suffices."""
        self._needed_size = size

    def create_source(self) -> FrameSource:
        """Return a source for the device that is not open yet."""
        return _DeviceSource(self._settings, self._clock, lambda: self._needed_size)


class _DeviceSource:
    """One opening of the device; a `FrameSource`."""

    def __init__(
        self,
        settings: V4l2Settings,
        clock: Clock,
        get_needed_size: Callable[[], tuple[int, int] | None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._get_needed_size = get_needed_size
        self._capture: cv2.VideoCapture | None = None
        self._corrupt_count = 0
        self._colour = LIMITED_BT601
        self._size = (0, 0)
        self._raw_fourcc: str | None = None
        """The format of raw pictures; None if OpenCV converts them to BGR."""
        self._is_jpeg = False

    def open(self) -> CameraInfo:
        """Check the device node, and open it with OpenCV."""
        settings = self._settings
        with open_node(settings.device) as node:
            card = read_card_name(node, settings.device)
            self._colour = read_colour(node, settings.width, settings.height, self._fourcc)
        # OpenCV reads this variable once, when it first waits for a camera.
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", _SELECT_TIMEOUT_S)
        import cv2

        capture = self._capture = cv2.VideoCapture(
            str(self._settings.device), cv2.CAP_V4L2, self._build_parameters()
        )
        if not capture.isOpened():
            raise CameraError(
                f"{self._settings.device} ({card}): cannot be opened; check that no other program uses it"
            )
        self._choose_conversion(capture)
        return CameraInfo(
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=max(0.0, capture.get(cv2.CAP_PROP_FPS)),
            description=f"{card} at {self._settings.device}",
        )

    def read(self) -> CapturedFrame | None:
        """Wait for the next picture; None if it cannot be decoded."""
        import cv2

        if self._capture is None or not self._capture.grab():
            # After unplugging, every call fails at once, although `isOpened` stays true.
            raise CameraError(
                f"{self._settings.device}: the camera delivers no more frames; check that it is plugged in"
            )
        now_ns = self._clock.monotonic_ns()
        stamp_ns = int(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        reduction = choose_reduction(self._size, self._get_needed_size()) if self._is_jpeg else 1
        pixels = self._retrieve(self._capture, reduction)
        if pixels is None:
            self._count_corrupt()
            return None
        self._corrupt_count = 0
        captured_ns = stamp_ns if 0 <= now_ns - stamp_ns < NS_PER_S else now_ns
        return self._make_frame(pixels, captured_ns, reduction)

    def close(self) -> None:
        """Release the device."""
        if self._capture is not None:
            self._capture.release()

    def _choose_conversion(self, capture: "cv2.VideoCapture") -> None:
        """Have OpenCV convert the pictures only if they are no JPEGs, and their colours are what it takes them for: limited BT.601."""
        import cv2

        sides = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT
        width, height = self._size = int(capture.get(sides[0])), int(capture.get(sides[1]))
        fourcc = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1")
        is_even = width % 2 == 0 and height % 2 == 0
        raw = self._colour != LIMITED_BT601 and is_even and can_split(fourcc)
        is_jpeg = fourcc in {"MJPG", "JPEG"}
        if (raw or is_jpeg) and capture.set(cv2.CAP_PROP_CONVERT_RGB, 0):
            self._raw_fourcc = fourcc if raw else None
            self._is_jpeg = is_jpeg

    def _retrieve(self, capture: "cv2.VideoCapture", reduction: int) -> NDArray[np.uint8] | None:
        import cv2

        try:
            ok, picture = capture.retrieve()
        except cv2.error:  # the JPEG is larger than edged lets OpenCV decode
            return None
        if not ok:
            return None
        pixels = picture.astype(np.uint8, copy=False)
        if self._is_jpeg:
            return decode_jpeg(pixels, reduction)
        return split_raw(pixels, self._raw_fourcc, *self._size) if self._raw_fourcc else pixels

    def _make_frame(
        self, pixels: NDArray[np.uint8], captured_ns: int, reduction: int
    ) -> CapturedFrame:
        raw = self._raw_fourcc is not None
        return CapturedFrame(
            captured_ns=captured_ns,
            received_ns=self._clock.monotonic_ns(),
            pixels=pixels,
            format=PixelFormat.YUV420P if raw else PixelFormat.BGR24,
            width=pixels.shape[1] * reduction,
            height=pixels.shape[0] * 2 // 3 if raw else pixels.shape[0] * reduction,
            colour=self._colour if raw else LIMITED_BT601,
            reduction=reduction,
        )

    @property
    def _fourcc(self) -> str:
        """The format to request from the camera."""
        settings = self._settings
        large = settings.width * settings.height > _MAX_UNCOMPRESSED_PX
        layout = settings.format
        if layout == "auto":
            layout = "mjpeg" if large else "yuyv"
        return _FOURCC[layout]

    def _build_parameters(self) -> list[int]:
        import cv2

        settings = self._settings
        return [
            cv2.CAP_PROP_FOURCC,
            cv2.VideoWriter.fourcc(*self._fourcc),
            cv2.CAP_PROP_FRAME_WIDTH,
            settings.width,
            cv2.CAP_PROP_FRAME_HEIGHT,
            settings.height,
            cv2.CAP_PROP_FPS,
            round(settings.fps),
        ]

    def _count_corrupt(self) -> None:
        """Tolerate a corrupt JPEG now and then, as cheap cameras send them, but not too many in a row."""
        self._corrupt_count += 1
        if self._corrupt_count >= _MAX_CORRUPT:
            raise CameraError(
                f"{self._settings.device}: {self._corrupt_count} consecutive pictures cannot be decoded;"
                ' try the other `format`, "mjpeg" or "yuyv"'
            )
