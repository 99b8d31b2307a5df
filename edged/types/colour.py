"""The colour space of planar pixels: what their Y, U and V mean."""

from dataclasses import dataclass
from enum import StrEnum


class ColourMatrix(StrEnum):
    """The weights of red, green and blue in luma; the names are FFmpeg's, without their variants."""

    BT601 = "bt601"
    """ITU-R BT.601: JPEG, and whatever does not say otherwise."""
    BT709 = "bt709"
    """ITU-R BT.709: most video in high definition that says so."""
    FCC = "fcc"
    """FCC 73.682: the NTSC of 1953."""
    SMPTE240M = "smpte240m"
    """SMPTE 240M: the first high definition."""
    BT2020 = "bt2020"
    """ITU-R BT.2020, non-constant luminance: ultra-high definition."""


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """How the planes of a picture encode its colours.

    Attributes:
        matrix: the weights of red, green and blue in luma.
        is_full_range: true if black and white are 0 and 255, as in JPEG; false if they are 16 and 235 (chroma: 16 to 240).
    """

    matrix: ColourMatrix = ColourMatrix.BT601
    is_full_range: bool = False


LIMITED_BT601 = ColourSpace()
"""What FFmpeg assumes of a picture without tags."""
FULL_BT601 = ColourSpace(is_full_range=True)
"""JPEG (JFIF 1.02)."""
