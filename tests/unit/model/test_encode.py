"""The encoder against a plain reference: convert everything, resize, place, scale, in float64."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edged.model.encode import Encoder, fit_frame
from edged.model.picture import split_planes
from edged.types import Channels, Fitting, InputSpec, PixelFormat, TensorInfo
from support.pictures import frame
from support.pixel_formats import as_format

pytestmark = pytest.mark.runtime

SIZES = [(160, 120), (161, 91), (64, 200)]


def scene(width: int, height: int) -> np.ndarray:
    """Smooth BGR: what is computed in another order differs by little."""
    y, x = np.mgrid[:height, :width].astype(float)
    channels = (
        127 + 120 * np.sin(x / 25),
        127 + 120 * np.cos(y / 31),
        255 * (x + y) / (width + height),
    )
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def spec(dtype: str = "uint8", **changes: object) -> InputSpec:
    scale, zero_point = {"uint8": (1.0, 0), "int8": (1.0, -128)}.get(dtype, (0.0, 0))
    tensor = TensorInfo(
        index=0, name="in", shape=(), dtype=dtype, scale=scale, zero_point=zero_point
    )
    fields = {"width": 96, "height": 64, "mean": (0.0,), "std": (1.0,), "tensor": tensor} | changes
    return InputSpec(**fields)  # type: ignore[arg-type] # any field, by name


def reference(bgr: np.ndarray, wanted: InputSpec) -> np.ndarray:
    """(H, W, C) float64, before quantisation."""
    codes = {Channels.RGB: cv2.COLOR_BGR2RGB, Channels.GRAY: cv2.COLOR_BGR2GRAY}
    code = codes.get(wanted.channels)
    picture = bgr if code is None else cv2.cvtColor(bgr, code)
    (x, y, width, height), _ = fit_frame(wanted, bgr.shape[1], bgr.shape[0])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    depth = 1 if wanted.channels is Channels.GRAY else 3
    full = np.full((wanted.height, wanted.width, depth), float(wanted.pad))
    full[y : y + height, x : x + width] = small.reshape(height, width, depth)
    return np.asarray((full - np.array(wanted.mean)) / np.array(wanted.std))


@pytest.mark.parametrize("padding", [0, 14])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fitting", Fitting)
@pytest.mark.parametrize("layout", [PixelFormat.BGR24, PixelFormat.RGB24])
def test_packed_colours_are_exactly_the_reference(
    layout: PixelFormat, fitting: Fitting, size: tuple[int, int], padding: int
) -> None:
    bgr, wanted = scene(*size), spec(fitting=fitting)
    tensor = Encoder(wanted)(as_format(bgr, layout, padding))
    assert tensor.array.shape == (1, 64, 96, 3)
    assert np.array_equal(tensor.array[0], reference(bgr, wanted))


@pytest.mark.parametrize("padding", [0, 14])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", Channels)
@pytest.mark.parametrize("sides", [(96, 64), (95, 63)])
def test_planes_come_near_the_reference(
    sides: tuple[int, int], channels: Channels, size: tuple[int, int], padding: int
) -> None:
    """Halved chroma and another order of steps cost a few levels, and no visible edge."""
    bgr = scene(*size)
    wanted = spec(channels=channels, width=sides[0], height=sides[1], fitting=Fitting.LETTERBOX)
    tensor = Encoder(wanted)(as_format(bgr, PixelFormat.YUV420P, padding))
    difference = np.abs(tensor.array[0].astype(float) - reference(bgr, wanted))
    assert difference.mean() < 2.0
    assert difference.max() < 24.0


@pytest.mark.parametrize("layout", [PixelFormat.BGR24, PixelFormat.RGB24, PixelFormat.GRAY8])
def test_gray_models_get_luma(layout: PixelFormat) -> None:
    bgr, wanted = scene(160, 120), spec(channels=Channels.GRAY)
    tensor = Encoder(wanted)(as_format(bgr, layout, 6))
    assert tensor.array.shape == (1, 64, 96, 1)
    assert np.abs(tensor.array[0] - reference(bgr, wanted)).max() <= 1.0


@pytest.mark.parametrize("channels", [Channels.RGB, Channels.BGR])
def test_gray_frames_feed_colour_models(channels: Channels) -> None:
    gray = as_format(scene(160, 120), PixelFormat.GRAY8)
    array = Encoder(spec(channels=channels))(gray).array[0]
    assert np.array_equal(array[..., 0], array[..., 1])
    assert np.array_equal(array[..., 0], cv2.resize(gray.pixels, (96, 64)))


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
@pytest.mark.parametrize("channels", ["first", "last"])
@pytest.mark.parametrize("mean", [(127.5,), (123.7, 116.3, 103.5)])
def test_values_are_scaled_and_quantised(
    dtype: str, channels: str, mean: tuple[float, ...]
) -> None:
    channels_first = channels == "first"
    tensor = TensorInfo(index=0, name="in", shape=(), dtype=dtype, scale=0.02, zero_point=3)
    wanted = spec(tensor=tensor, mean=mean, std=(58.4,), channels_first=channels_first)
    bgr = scene(160, 120)
    array = Encoder(wanted)(as_format(bgr, PixelFormat.BGR24)).array
    real = reference(bgr, wanted)
    expected = real if dtype == "float32" else np.clip(np.rint(real / 0.02 + 3), -32768, 32767)
    if dtype == "int8":
        expected = np.clip(expected, -128, 127)
    assert array.dtype == dtype
    assert np.allclose(
        array[0], expected.transpose(2, 0, 1) if channels_first else expected, atol=1e-4
    )


@pytest.mark.parametrize("mean", [0.0, 1.0, 40.0])
def test_int8_pixels_are_shifted_only_if_the_scale_requires_it(mean: float) -> None:
    """An offset of one is the converter's rounding; an offset of forty is another normalisation."""
    bgr, wanted = scene(160, 120), spec("int8", mean=(mean,))
    array = Encoder(wanted)(as_format(bgr, PixelFormat.BGR24)).array[0]
    offset = 0.0 if mean < 2 else mean
    assert np.array_equal(array, np.clip(reference(bgr, spec()) - 128 - offset, -128, 127))


@pytest.mark.parametrize("scale", [1 / 127.5, 0.0073, 0.005])
def test_an_int8_table_that_is_clipped_at_both_ends_is_no_copy_of_the_pixels(scale: float) -> None:
    tensor = TensorInfo(index=0, name="in", shape=(), dtype="int8", scale=scale)
    wanted = spec(tensor=tensor, mean=(127.5,), std=(127.5,))
    bgr = scene(160, 120)
    array = Encoder(wanted)(as_format(bgr, PixelFormat.BGR24)).array[0]
    expected = np.clip(np.rint(reference(bgr, wanted) / scale), -128, 127)
    assert np.abs(array - expected).max() <= (1 if scale == 1 / 127.5 else 0)


def test_the_buffer_is_reused_and_the_padding_is_painted_anew_for_another_size() -> None:
    wanted = spec(fitting=Fitting.LETTERBOX, pad=114)
    encoder = Encoder(wanted)
    wide, tall = scene(200, 60), scene(60, 200)
    first = encoder(as_format(wide, PixelFormat.BGR24)).array
    second = encoder(as_format(tall, PixelFormat.BGR24)).array
    assert first is second
    assert np.array_equal(second[0], reference(tall, wanted))


@pytest.mark.parametrize("fitting", Fitting)
@pytest.mark.parametrize("size", [*SIZES, (1920, 1080), (3, 5)])
def test_the_fit_states_where_the_frame_lies(fitting: Fitting, size: tuple[int, int]) -> None:
    wanted = spec(fitting=fitting)
    (x, y, width, height), fit = fit_frame(wanted, *size)
    corner = np.array([fit.scale_x + fit.offset_x, fit.scale_y + fit.offset_y])
    assert corner * [96, 64] == pytest.approx([x + width, y + height])
    assert 0 <= x <= 96 - width
    assert 0 <= y <= 64 - height
    if fitting is Fitting.STRETCH:
        assert (width, height) == (96, 64)
    else:
        # Rounded to even pixels, and never thinner than two.
        ideal = np.array(size) * min(96 / size[0], 64 / size[1])
        assert np.abs(np.array([width, height]) - ideal).max() <= 1.0
    if fitting is Fitting.LETTERBOX:
        assert (x, y) == ((96 - width) // 2, (64 - height) // 2)
    else:
        assert (x, y) == (0, 0)


def test_planes_are_views_without_their_padding() -> None:
    bgr = scene(161, 91)
    y, u, v = split_planes(as_format(bgr, PixelFormat.YUV420P, 14))
    assert (y.shape, u.shape, v.shape) == ((91, 161), (46, 81), (46, 81))
    assert y.base is not None


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((120, 160), PixelFormat.BGR24),
        ((120, 100, 3), PixelFormat.BGR24),
        ((120, 160, 3), PixelFormat.GRAY8),
        ((120, 160), PixelFormat.YUV420P),
        ((180, 161), PixelFormat.YUV420P),
        ((180, 100), PixelFormat.YUV420P),
    ],
)
def test_pixels_that_do_not_match_the_format_are_refused(
    shape: tuple[int, ...], layout: PixelFormat
) -> None:
    pixels = np.zeros(shape, np.uint8)
    with pytest.raises(ValueError, match=f"do not fit a 160x120 {layout}"):
        Encoder(spec())(frame(pixels, layout, width=160, height=120))


@pytest.mark.parametrize("fitting", Fitting)
@pytest.mark.parametrize("layout", [PixelFormat.BGR24, PixelFormat.GRAY8, PixelFormat.YUV420P])
def test_a_reduced_frame_lies_where_the_whole_one_does(
    layout: PixelFormat, fitting: Fitting
) -> None:
    bgr, wanted = scene(320, 240), spec(fitting=fitting)
    whole = as_format(bgr, layout)
    half = as_format(cv2.resize(bgr, (160, 120), interpolation=cv2.INTER_AREA), layout, 14)
    reduced = replace(half, width=320, height=240, reduction=2)
    wanted_tensor, tensor = Encoder(wanted)(whole), Encoder(wanted)(reduced)
    assert tensor.fit == wanted_tensor.fit
    difference = np.abs(tensor.array.astype(float) - wanted_tensor.array)
    assert difference.mean() < 2.0
