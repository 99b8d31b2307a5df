"""What libcamera answers about the colours of a stream; the classes have the names of its Python binding."""

from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace

import pytest

from edged.cameras.libcamera_stream import read_colour
from edged.types import FULL_BT601, LIMITED_BT601, ColourMatrix, ColourSpace

YcbcrEncoding = Enum("YcbcrEncoding", ["Null", "Rec601", "Rec709", "Rec2020"])
Range = Enum("Range", ["Full", "Limited"])


@dataclass
class ColorSpace:
    ycbcrEncoding: YcbcrEncoding  # noqa: N815 - libcamera's name
    range: Range


@pytest.mark.parametrize(
    ("answer", "colour"),
    [
        (ColorSpace(YcbcrEncoding.Rec601, Range.Limited), LIMITED_BT601),
        (ColorSpace(YcbcrEncoding.Rec601, Range.Full), FULL_BT601),
        (ColorSpace(YcbcrEncoding.Rec709, Range.Limited), ColourSpace(ColourMatrix.BT709)),
        (
            ColorSpace(YcbcrEncoding.Rec2020, Range.Full),
            ColourSpace(ColourMatrix.BT2020, is_full_range=True),
        ),
        (None, LIMITED_BT601),
    ],
)
def test_the_colours_are_those_that_libcamera_gives_not_those_asked_for(
    answer: ColorSpace | None, colour: ColourSpace
) -> None:
    streams = [SimpleNamespace(color_space=None), SimpleNamespace(color_space=answer)]
    configuration = SimpleNamespace(at=streams.__getitem__)
    camera = SimpleNamespace(libcamera_config=configuration, lores_index=1)
    assert read_colour(camera) == colour
