"""Pictures from files, against OpenCV's own encoders, within the limit, and upright."""

import io
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.errors import PictureError
from edged.pictures.decode import decode_picture, read_picture
from edged.pictures.header import read_header

SUFFIXES = [".bmp", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".webp", ".pam"]
SIZES = [(1, 1), (64, 48), (301, 7), (17, 640)]
LIMIT_MB = 67


def draw(width: int, height: int, suffix: str = ".png") -> np.ndarray:
    pixels = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    return pixels[..., 0] if suffix in {".pbm", ".pgm"} else pixels


def encode(pixels: np.ndarray, suffix: str, *parameters: int) -> bytes:
    return cv2.imencode(suffix, pixels, parameters)[1].tobytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_header_has_the_size_that_the_decoder_finds(
    suffix: str, size: tuple[int, int], tmp_path: Path
) -> None:
    content = encode(draw(*size, suffix), suffix)
    header = read_header(io.BytesIO(content))
    assert header is not None
    assert (header.width, header.height) == size
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(content)
    assert read_picture(path).shape == (size[1], size[0], 3)
    assert np.array_equal(read_picture(path), decode_picture(content))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_header_that_breaks_off_is_no_header_and_no_traceback(suffix: str) -> None:
    content = encode(draw(64, 48, suffix), suffix)
    for length in range(min(len(content), 300)):
        with pytest.raises(PictureError):
            decode_picture(content[:length])


def png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says that it has this size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"IDAT" + zlib.compress(bytes(1000))
    chunks = (header, rows, b"IEND")
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def jpeg(width: int, height: int) -> bytes:
    content = encode(draw(64, 48), ".jpg")
    start = content.index(b"\xff\xc0") + 5
    return content[:start] + struct.pack(">HH", height, width) + content[start + 4 :]


def bmp(width: int, height: int) -> bytes:
    content = encode(draw(64, 48), ".bmp")
    return content[:18] + struct.pack("<ii", width, -height) + content[26:]


def webp(width: int, height: int) -> bytes:
    chunk = b"VP8X" + struct.pack("<IBxxx", 10, 0)
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 30) + b"WEBP" + chunk + sides


def tiff(width: int, height: int) -> bytes:
    entries = [(256, 4, 1, width), (257, 4, 1, height)]
    body = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + body + bytes(4)


def big_tiff(width: int, height: int) -> bytes:
    entries = [(256, 16, 1, width), (257, 16, 1, height)]
    body = b"".join(struct.pack("<HHQQ", *entry) for entry in entries)
    return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, len(entries)) + body + bytes(8)


def pnm(width: int, height: int) -> bytes:
    return b"P6\n# a remark\n%d\n%d 255\n" % (width, height)


@pytest.mark.parametrize("make", [png, jpeg, bmp, webp, tiff, big_tiff, pnm])
def test_a_picture_of_30000_x_30000_is_refused_before_it_is_decoded(
    make: object, tmp_path: Path
) -> None:
    assert callable(make)
    path = tmp_path / "huge"
    path.write_bytes(make(30_000, 30_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PictureError, match=f"huge.* 30000 x 30000 pixels.* {LIMIT_MB} megapixels"):
        read_picture(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_opencv_has_the_same_limit_wherever_it_decodes_by_itself(tmp_path: Path) -> None:
    """The JPEGs of USB cameras are decoded by OpenCV's own back-end."""
    (tmp_path / "large.jpg").write_bytes(jpeg(9000, 9000))
    code = "import edged, cv2, sys\ntry: sys.exit(cv2.imread(sys.argv[1]) is not None)\nexcept cv2.error as error: sys.exit(0)"
    subprocess.run([sys.executable, "-c", code, tmp_path / "large.jpg"], check=True)


def test_a_picture_within_the_limit_but_too_wide_for_opencv_is_refused() -> None:
    with pytest.raises(PictureError, match="cannot be decoded"):
        decode_picture(png(2_000_000, 1))


def test_what_is_no_picture_is_told_apart_from_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    with pytest.raises(PictureError, match=r"cannot read .*notes\.jpg: No such file"):
        read_picture(path)
    path.write_text("not a picture")
    with pytest.raises(PictureError, match=r"notes\.jpg as a picture.*BMP, JPEG"):
        read_picture(path)
    with pytest.raises(PictureError, match="Is a directory"):
        read_picture(tmp_path)


QUARTERS = "RGBW"
TURNED = {
    1: "RGBW",
    2: "GRWB",
    3: "WBGR",
    4: "BWRG",
    5: "RBGW",
    6: "BRWG",
    7: "WGBR",
    8: "GWRB",
}
"""A picture's quarters, from the top left by rows, for each EXIF orientation."""


def draw_quarters() -> np.ndarray:
    colours = np.array([[[0, 0, 255], [0, 255, 0]], [[255, 0, 0], [255, 255, 255]]], np.uint8)
    return colours.repeat(24, axis=0).repeat(32, axis=1)


def name_quarters(bgr: np.ndarray) -> str:
    height, width = bgr.shape[:2]
    names = {(False, False, True): "R", (False, True, False): "G", (True, False, False): "B"}
    places = [(y, x) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return "".join(names.get(tuple((bgr[place] > 127).tolist()), "W") for place in places)


def make_exif(orientation: int) -> bytes:
    return b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHxxI", 274, 3, 1, orientation, 0)


def turned_jpeg(orientation: int) -> bytes:
    content, exif = encode(draw_quarters(), ".jpg"), b"Exif\0\0" + make_exif(orientation)
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]


def turned_png(orientation: int) -> bytes:
    content, chunk = encode(draw_quarters(), ".png"), b"eXIf" + make_exif(orientation)
    framed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:33] + framed + content[33:]


def turned_webp(orientation: int) -> bytes:
    picture = encode(draw_quarters(), ".webp")[12:]
    exif = make_exif(orientation)
    sides = (63).to_bytes(3, "little") + (47).to_bytes(3, "little")
    has_exif = 0x08
    chunks = b"VP8X" + struct.pack("<IBxxx", 10, has_exif) + sides + picture
    chunks += b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2)
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def turned_tiff(orientation: int) -> bytes:
    """A plain TIFF: one strip of RGB."""
    rgb = draw_quarters()[..., ::-1].tobytes()
    fields = [
        (256, 3, 1, 64 << 16),
        (257, 3, 1, 48 << 16),
        (258, 3, 3, 8),
        (259, 3, 1, 1 << 16),
        (262, 3, 1, 2 << 16),
        (273, 4, 1, 14),
        (274, 3, 1, orientation << 16),
        (277, 3, 1, 3 << 16),
        (278, 3, 1, 48 << 16),
        (279, 4, 1, len(rgb)),
    ]
    directory = struct.pack(">H", len(fields))
    directory += b"".join(struct.pack(">HHII", *field) for field in fields) + bytes(4)
    return (
        b"MM\0*" + struct.pack(">I", 14 + len(rgb)) + struct.pack(">HHH", 8, 8, 8) + rgb + directory
    )


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize(
    ("make", "suffix"),
    [
        (turned_jpeg, ".jpg"),
        (turned_png, ".png"),
        (turned_webp, ".webp"),
        (turned_tiff, ".tif"),
        (turned_tiff, ""),
    ],
)
def test_a_picture_is_upright_whatever_its_format_and_opencvs_version(
    make: object, suffix: str, orientation: int, tmp_path: Path
) -> None:
    assert callable(make)
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(make(orientation))
    assert name_quarters(read_picture(path)) == TURNED[orientation]
    assert name_quarters(decode_picture(path.read_bytes())) == TURNED[orientation]
