"""Colour bars through the cameras: source, range, matrix and size; the same on every version of PyAV and OpenCV."""

import functools
import http.server
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edged.cameras import opencv_video
from edged.cameras.replay import ReplayCamera
from edged.cameras.replay_settings import ReplaySettings
from edged.cameras.rtsp import RtspCamera
from edged.cameras.rtsp_settings import RtspSettings
from edged.clock import SystemClock
from edged.errors import CameraError
from edged.types import FULL_BT601, LIMITED_BT601, ColourMatrix, ColourSpace, Frame
from support.colour_bars import BARS, draw_bars, measure_bars, to_rgb, write_bars
from support.mjpeg import MjpegServer

av = pytest.importorskip("av", reason="the rtsp extra is not installed")

LIMITED_BT709 = ColourSpace(ColourMatrix.BT709)
FULL_BT709 = ColourSpace(ColourMatrix.BT709, is_full_range=True)
X264 = {"codec": "libx264", "options": {"crf": "1", "preset": "ultrafast"}}
VP9 = {"codec": "libvpx-vp9", "options": {"crf": "2", "b": "0", "deadline": "realtime"}}
MJPEG = {"codec": "mjpeg", "options": {"flags": "qscale", "global_quality": "118"}}


def x265(matrix: str, value_range: str, **more: Any) -> dict[str, Any]:
    parameters = f"crf=1:log-level=none:range={value_range}:colormatrix={matrix}"
    return {
        "codec": "libx265",
        "options": {"preset": "ultrafast", "x265-params": parameters},
        **more,
    }


CLIPS: dict[str, tuple[ColourSpace, dict[str, Any]]] = {
    "h264, limited 601": (LIMITED_BT601, X264),
    "h264, limited 709": (LIMITED_BT709, X264),
    "h264, limited 709, 360p": (LIMITED_BT709, X264 | {"size": (640, 360)}),
    "h264, full 601": (FULL_BT601, X264 | {"pixel_format": "yuvj420p"}),
    "h264, full 709": (FULL_BT709, X264 | {"pixel_format": "yuvj420p"}),
    "h264, 2020": (ColourSpace(ColourMatrix.BT2020), X264),
    "h264, smpte 240m": (ColourSpace(ColourMatrix.SMPTE240M), X264),
    "h264, fcc": (ColourSpace(ColourMatrix.FCC), X264),
    "h264, untagged": (LIMITED_BT601, X264 | {"tagged": False}),
    "h264, untagged 720p": (LIMITED_BT601, X264 | {"tagged": False, "size": (1280, 720)}),
    "hevc, full 709": (FULL_BT709, x265("bt709", "full")),
    "hevc, 10 bits": (
        LIMITED_BT709,
        x265("bt709", "limited", pixel_format="yuv420p10le", bits=10),
    ),
    "vp9, full 601": (FULL_BT601, VP9),
    "vp9, full 709": (FULL_BT709, VP9),
    "mjpeg 4:2:0": (FULL_BT601, MJPEG | {"pixel_format": "yuvj420p"}),
    "mjpeg 4:2:2": (FULL_BT601, MJPEG | {"pixel_format": "yuvj422p", "subsampling": (2, 1)}),
    "mjpeg 4:4:4": (FULL_BT601, MJPEG | {"pixel_format": "yuvj444p", "subsampling": (1, 1)}),
}


@pytest.fixture(scope="module", params=CLIPS)
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    colour, how = CLIPS[request.param]
    return write_bars(tmp_path_factory.mktemp("bars") / "bars.mkv", colour, **how)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Log nothing."""

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def read_stream(url: str) -> Frame:
    with closing(RtspCamera("front", RtspSettings(url=url), SystemClock())) as camera:
        camera.open()
        return camera.grab(5.0)


def read_recording(path: Path) -> Frame:
    with closing(ReplayCamera("front", ReplaySettings(path=path), SystemClock())) as camera:
        camera.open()
        return camera.grab(5.0)


def test_a_network_cameras_colours_are_those_of_its_stream(clip: Path) -> None:
    with serve(clip.parent) as url:
        frame = read_stream(f"{url}/{clip.name}")
    assert np.abs(measure_bars(to_rgb(frame)) - BARS).max() <= 2.5


def test_a_recordings_colours_are_those_of_its_stream(clip: Path) -> None:
    frame = read_recording(clip)
    assert np.abs(measure_bars(to_rgb(frame)) - BARS).max() <= 2.5


@pytest.mark.parametrize("size", [(128, 96), (640, 480), (136, 97)])
def test_a_jpeg_has_the_colours_of_its_own_decoding(size: tuple[int, int], tmp_path: Path) -> None:
    bgr = draw_bars(*size)[..., ::-1]
    with MjpegServer(size) as server:
        server.jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
        frame = read_stream(server.url)
    (tmp_path / "picture.jpg").write_bytes(server.jpeg)
    decoded = np.asarray(cv2.imdecode(np.frombuffer(server.jpeg, np.uint8), 1), np.uint8)
    expected = measure_bars(decoded[..., ::-1])
    assert np.abs(measure_bars(to_rgb(frame)) - expected).max() <= 2.0
    assert np.abs(measure_bars(to_rgb(read_recording(tmp_path))) - expected).max() <= 1.0


# What a matrix makes of the picture's corners, from the top left by rows.
TURNS = {
    "upright": ((1, 0, 0, 1), "RGBW"),
    "90": ((0, 1, -1, 0), "BRWG"),
    "180": ((-1, 0, 0, -1), "WBGR"),
    "270": ((0, -1, 1, 0), "GWRB"),
    "mirrored": ((-1, 0, 0, 1), "GRWB"),
    "flipped": ((1, 0, 0, -1), "BWRG"),
    "transposed": ((0, 1, 1, 0), "RBGW"),
}


def draw_corners() -> np.ndarray:
    """Return a picture with a red, green, blue and white quarter: (48, 64, 3) uint8, BGR."""
    quarters = np.array([[[0, 0, 255], [0, 255, 0]], [[255, 0, 0], [255, 255, 255]]], np.uint8)
    return quarters.repeat(24, axis=0).repeat(32, axis=1)


def name_corners(frame: Frame) -> str:
    rgb = to_rgb(frame)
    height, width = rgb.shape[:2]
    places = [(y, x) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    names = {(True, False, False): "R", (False, True, False): "G", (False, False, True): "B"}
    return "".join(names.get(tuple((rgb[place] > 127).tolist()), "W") for place in places)


def write_turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write an MP4 whose header (tkhd, ISO/IEC 14496-12) has a display matrix."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture = av.VideoFrame.from_ndarray(draw_corners(), format="bgr24")
        for count in range(3):
            picture.pts = count
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    content = bytearray(path.read_bytes())
    a, b, c, d = (value << 16 for value in matrix)
    struct.pack_into(">9i", content, content.index(b"tkhd") + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("turn", TURNS)
def test_a_clip_is_shown_as_its_display_matrix_says(turn: str, tmp_path: Path) -> None:
    matrix, corners = TURNS[turn]
    path = write_turned(tmp_path / "clip.mp4", matrix)
    assert name_corners(read_recording(path)) == corners
    with serve(tmp_path) as url:
        frame = read_stream(f"{url}/clip.mp4")
    assert name_corners(frame) == corners


@pytest.mark.parametrize("turn", ["90", "180", "270"])
def test_without_pyav_a_clip_is_turned_too(turn: str, tmp_path: Path) -> None:
    """OpenCV 4 turns it only if told to, OpenCV 5 unless told not to."""
    matrix, corners = TURNS[turn]
    with closing(
        opencv_video.open_video(write_turned(tmp_path / "c.mp4", matrix), 0).pictures
    ) as it:
        _, bgr = next(it)
    assert name_corners(Frame.from_pixels(bgr)) == corners


def tag_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Return a JPEG with an EXIF segment that has this orientation alone."""
    tiff = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHxxI", 274, 3, 1, orientation, 0)
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize(("orientation", "turn"), [(3, "180"), (6, "90"), (8, "270")])
def test_a_network_cameras_jpegs_are_turned_by_their_exif_orientation(
    orientation: int, turn: str
) -> None:
    with MjpegServer((64, 48)) as server:
        jpeg = cv2.imencode(".jpg", draw_corners())[1].tobytes()
        server.jpeg = tag_orientation(jpeg, orientation)
        frame = read_stream(server.url)
    assert name_corners(frame) == TURNS[turn][1]


@pytest.mark.parametrize("side", [12_000, 40_000])
def test_a_network_cameras_picture_over_the_limit_is_refused_with_its_size(side: int) -> None:
    with MjpegServer((64, 48)) as server:
        start = server.jpeg.index(b"\xff\xc0") + 5
        resized = struct.pack(">HH", side, side)
        server.jpeg = server.jpeg[:start] + resized + server.jpeg[start + 4 :]
        with pytest.raises(CameraError, match=f"{side} x {side} pixels.*limit is 67 megapixels"):
            read_stream(server.url)
