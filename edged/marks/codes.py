"""Machine-readable marks: two-dimensional codes, barcodes, and fiducial tags."""

from functools import cache
from itertools import chain

import cv2
import numpy as np

from edged.marks import pictograms
from edged.marks.mark import (
    SQUARE,
    U8,
    Colour,
    Mark,
    jitter_colour,
    paint_mask,
    random_bool,
    random_colour,
)
from edged.types import F32

_QR_CAPACITY = {1: 10, 2: 20, 3: 35, 4: 50, 5: 64, 6: 84}
"""Number of alphanumeric characters that fit each QR version at correction level Q or below, with a margin."""
_ALPHANUMERIC = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/.-"))
_QR_SERIALS = 64
_TAG_DICTIONARIES = (
    cv2.aruco.DICT_4X4_250,
    cv2.aruco.DICT_5X5_250,
    cv2.aruco.DICT_6X6_250,
    cv2.aruco.DICT_ARUCO_ORIGINAL,
    cv2.aruco.DICT_APRILTAG_16h5,
    cv2.aruco.DICT_APRILTAG_25h9,
    cv2.aruco.DICT_APRILTAG_36h11,
)


def qr_code(rng: np.random.Generator) -> Mark:
    """Draw a QR code of version 1 to 6, sometimes with round modules, unusual colours, or a logo in the middle."""
    version = int(rng.integers(1, 1 + max(_QR_CAPACITY)))
    modules = _qr_modules(version, int(rng.integers(_QR_SERIALS)))
    quiet = int(rng.integers(1, 5))
    pixels, scale = _magnify(modules, quiet, side_px=180)
    if random_bool(rng, 0.2):
        soft = cv2.GaussianBlur(pixels, (0, 0), scale * 0.35)
        pixels = np.where(soft > np.uint8(127), 255, 0).astype(np.uint8)
    dark, light = _random_inks(rng)
    if random_bool(rng, 0.05):
        dark, light = light, dark
    rgb = _apply_inks(pixels, dark, light)
    if random_bool(rng, 0.1):
        _add_logo(rgb, rng, light)
    return Mark(rgb, _opaque_alpha(rgb), _code_outline(modules.shape[0], quiet))


def fiducial_tag(rng: np.random.Generator) -> Mark:
    """Draw an ArUco or AprilTag marker; the outline is its black border."""
    family = _TAG_DICTIONARIES[rng.integers(len(_TAG_DICTIONARIES))]
    dictionary = cv2.aruco.getPredefinedDictionary(family)
    number = int(rng.integers(dictionary.bytesList.shape[0]))
    side = dictionary.markerSize + 2
    modules = np.asarray(cv2.aruco.generateImageMarker(dictionary, number, side), np.uint8)
    quiet = int(rng.integers(1, 3))
    pixels, _ = _magnify(modules, quiet, side_px=160)
    rgb = _apply_inks(pixels, *_random_inks(rng))
    return Mark(rgb, _opaque_alpha(rgb), _code_outline(side, quiet))


def barcode(rng: np.random.Generator) -> Mark:
    """Draw a linear code with the proportions of EAN or Code 128, with or without digits below; the outline encloses the bars."""
    widths = _ean_widths(rng) if random_bool(rng, 0.5) else _code128_widths(rng)
    bars = np.repeat(np.resize(np.array([0, 255], np.uint8), len(widths)), widths)
    scale, quiet = max(1, round(220 / len(bars))), int(rng.integers(4, 11))
    bars_px, bars_h = len(bars) * scale, int(len(bars) * scale * rng.uniform(0.2, 0.75))
    top, foot = int(rng.integers(3, 12)), int(rng.integers(3, 8))
    digits = random_bool(rng, 0.6)
    if digits:
        foot += int(rng.uniform(12, 22))
    height, width, left = top + bars_h + foot, bars_px + 2 * quiet * scale, quiet * scale
    dark, light = _random_inks(rng)
    pixels = np.full((height, width), 255, np.uint8)
    pixels[top : top + bars_h, left : left + bars_px] = np.repeat(bars, scale)
    if digits:
        _draw_digits(pixels, rng, left, bars_px)
    rgb = _apply_inks(pixels, dark, light)
    corners = SQUARE * [bars_px, bars_h] + [left, top]
    return Mark(rgb, _opaque_alpha(rgb), (corners / [width, height]).astype(np.float32))


def _draw_digits(pixels: U8, rng: np.random.Generator, left: int, width: int) -> None:
    """Draw random digits at the foot of a barcode, at most as wide as its bars."""
    text = " ".join(str(d) for d in rng.integers(0, 10, int(rng.integers(7, 13))))
    size = width / cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1, 1)[0][0]
    base = (left, pixels.shape[0] - 3)
    cv2.putText(pixels, text, base, cv2.FONT_HERSHEY_SIMPLEX, min(size, 0.6), 0, 1, cv2.LINE_AA)


def _ean_widths(rng: np.random.Generator) -> list[int]:
    """Return widths of bars and spaces in modules: guards, and twelve digits of seven modules each (ISO/IEC 15420)."""
    digits = [_split(rng, modules=7, parts=4) for _ in range(12)]
    return [1, 1, 1, *chain(*digits[:6]), 1, 1, 1, 1, 1, *chain(*digits[6:]), 1, 1, 1]


def _code128_widths(rng: np.random.Generator) -> list[int]:
    """Return widths of bars and spaces in modules: start, symbols of eleven modules, stop (ISO/IEC 15417)."""
    symbols = [_split(rng, modules=11, parts=6) for _ in range(int(rng.integers(6, 15)))]
    return [2, 1, 1, 2, 1, 4, *chain(*symbols), 2, 3, 3, 1, 1, 1, 2]


def _split(rng: np.random.Generator, *, modules: int, parts: int) -> list[int]:
    """Cut `modules` into `parts` whole widths of at least one."""
    cuts = np.sort(rng.choice(np.arange(1, modules), parts - 1, replace=False))
    return [int(width) for width in np.diff([0, *cuts, modules])]


@cache
def _qr_modules(version: int, serial: int) -> U8:
    """Return a QR code's modules, (N, N) uint8, 0 for dark. Encoding takes milliseconds, so each serial is made once."""
    rng = np.random.default_rng([version, serial])
    parameters = cv2.QRCodeEncoder.Params()
    parameters.version = version
    parameters.correction_level = int(
        rng.choice([cv2.QRCodeEncoder_CORRECT_LEVEL_L, cv2.QRCodeEncoder_CORRECT_LEVEL_M])
    )
    content = "".join(rng.choice(_ALPHANUMERIC, int(rng.integers(6, _QR_CAPACITY[version]))))
    picture = np.asarray(cv2.QRCodeEncoder.create(parameters).encode(content), np.uint8)
    rows, columns = np.nonzero(picture == 0)
    return picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _magnify(modules: U8, quiet: int, side_px: int) -> tuple[U8, int]:
    """Add a quiet zone and enlarge each module to a square; return the picture and the square's side in pixels."""
    padded = np.pad(modules, quiet, constant_values=255)
    scale = max(2, side_px // padded.shape[0])
    return np.kron(padded, np.ones((scale, scale), np.uint8)), scale


def _code_outline(modules: int, quiet: int) -> F32:
    """Return the outline of a square code of `modules` a side within its quiet zone."""
    share = quiet / (modules + 2 * quiet)
    return (share + SQUARE * (1 - 2 * share)).astype(np.float32)


def _random_inks(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Return a dark and a light ink: mostly black and white."""
    plain = random_bool(rng, 0.8)
    dark = jitter_colour(rng, (16, 16, 18), 10) if plain else random_colour(rng, 0, 95)
    light = jitter_colour(rng, (247, 247, 245), 8) if plain else random_colour(rng, 175, 255)
    return dark, light


def _apply_inks(pixels: U8, dark: Colour, light: Colour) -> U8:
    """Map (H, W) values of 0..255 to (H, W, 3) colours between the two inks."""
    ramp = np.linspace(dark, light, 256).astype(np.uint8)
    return ramp[pixels]


def _opaque_alpha(rgb: U8) -> U8:
    return np.full(rgb.shape[:2], 255, np.uint8)


def _add_logo(rgb: U8, rng: np.random.Generator, light: Colour) -> None:
    side = rgb.shape[0]
    size = int(side * rng.uniform(0.14, 0.22))
    paint_mask(rgb, np.full((size, size), 255, np.uint8), light, (side / 2, side / 2))
    drawn = pictograms.draw_pictogram(str(rng.choice(pictograms.NAMES)), rng, side_px=size)
    paint_mask(rgb, drawn, random_colour(rng, 0, 200), (side / 2, side / 2))
