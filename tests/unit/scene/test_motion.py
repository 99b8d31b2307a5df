import numpy as np
import pytest
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.scene.motion import MotionDetector, luma
from edged.types import Frame, PixelFormat

pytestmark = pytest.mark.runtime

Pixels = NDArray[np.uint8]


def street_image(seed: int = 1, *, width: int = 320, height: int = 240) -> Pixels:
    """Soft structure between 40 and 200."""
    coarse = np.random.default_rng(seed).integers(40, 200, (height // 20, width // 20))
    return coarse.repeat(20, axis=0).repeat(20, axis=1).astype(np.uint8)


def with_walker(street: Pixels, x: int) -> Pixels:
    seen = street.copy()
    seen[100:180, x : x + 30] = 250
    return seen


def noisy(picture: Pixels, rng: np.random.Generator, sigma: float) -> Pixels:
    return np.clip(picture + rng.normal(0.0, sigma, picture.shape), 0, 255).astype(np.uint8)


class MotionBench:
    def __init__(self, *, fps: float = 10.0) -> None:
        self._detector = MotionDetector()
        self._fps = fps
        self._count = 0

    def update(self, picture: Pixels) -> bool:
        self._count += 1
        return self._detector.update(picture, int(self._count / self._fps * NS_PER_S))


@pytest.mark.parametrize("sigma", [0.0, 3.0, 10.0, 20.0])
def test_a_static_scene_never_moves_from_the_first_frame_on(sigma: float) -> None:
    watch, rng, street = MotionBench(), np.random.default_rng(5), street_image()
    assert [watch.update(noisy(street, rng, sigma)) for _ in range(200)] == [False] * 200


@pytest.mark.parametrize("sigma", [0.0, 3.0, 10.0])
def test_a_walker_moves_in_every_frame(sigma: float) -> None:
    watch, rng, street = MotionBench(), np.random.default_rng(5), street_image()
    for _ in range(10):
        watch.update(noisy(street, rng, sigma))
    walk = [watch.update(noisy(with_walker(street, 5 * step), rng, sigma)) for step in range(50)]
    assert all(walk)


@pytest.mark.parametrize("fps", [1.0, 10.0, 50.0])
def test_what_stands_still_becomes_background_within_seconds_at_any_frame_rate(fps: float) -> None:
    watch, street = MotionBench(fps=fps), street_image()
    for _ in range(5):
        watch.update(street)
    parked = with_walker(street, 100)
    moving = [watch.update(parked) for _ in range(int(15 * fps))]
    still_after_s = moving.index(False) / fps
    assert moving[0]
    assert 2.0 <= still_after_s <= 10.0
    assert not any(moving[moving.index(False) :])


def test_a_light_that_is_switched_on_is_no_motion() -> None:
    watch, street = MotionBench(), street_image()
    for _ in range(5):
        watch.update(street)
    brighter = np.minimum(street.astype(np.int32) + 50, 255).astype(np.uint8)
    assert [watch.update(brighter) for _ in range(20)] == [False] * 20


def test_what_comes_so_near_that_it_fills_the_picture_moves_all_the_while() -> None:
    watch, street = MotionBench(), street_image()
    for _ in range(5):
        watch.update(street)
    texture = np.random.default_rng(9).integers(0, 255, street.shape).astype(np.uint8)
    for step in range(1, 9):
        near = street.copy()
        near[:, : step * 40] = texture[:, : step * 40]
        assert watch.update(near)


def test_dusk_is_no_motion() -> None:
    watch, street = MotionBench(), street_image().astype(np.float64)
    seen = [watch.update((street * (1 - step / 1000)).astype(np.uint8)) for step in range(500)]
    assert not any(seen)


@pytest.mark.parametrize("layout", list(PixelFormat))
@pytest.mark.parametrize(("width", "height"), [(640, 480), (1920, 1080), (161, 91), (64, 64)])
def test_every_pixel_format_shows_the_walker(layout: PixelFormat, width: int, height: int) -> None:
    watch = MotionBench()
    picture = np.full((height, width), 90, np.uint8)
    watch.update(luma(make_frame(picture, layout)))
    picture[height // 2 :, : width // 4] = 160
    brightness = luma(make_frame(picture, layout))
    assert np.mean(brightness > 125) == pytest.approx(0.125, abs=0.02)
    assert watch.update(brightness)


def test_luma_is_a_view_without_the_padding() -> None:
    picture = np.full((480, 640), 90, np.uint8)
    frame = make_frame(picture, PixelFormat.YUV420P)
    assert np.shares_memory(luma(frame), frame.pixels)
    assert (luma(frame) == 90).all()


def make_frame(picture: Pixels, layout: PixelFormat) -> Frame:
    """A gray picture in any format, its rows padded with eight white bytes."""
    height, width = picture.shape
    padded = np.pad(picture, ((0, 0), (0, 8 + width % 2)), constant_values=255)
    if layout is PixelFormat.YUV420P:
        pixels = np.pad(padded, ((0, (height + 1) // 2), (0, 0)), constant_values=128)
    elif layout is PixelFormat.GRAY8:
        pixels = padded
    else:
        pixels = padded[..., None].repeat(3, axis=2)
    return Frame(
        camera="front",
        seq=0,
        captured_ns=0,
        received_ns=0,
        pixels=pixels,
        format=layout,
        width=width,
        height=height,
    )


@pytest.mark.parametrize(("width", "height"), [(640, 480), (320, 240), (161, 91)])
def test_changed_areas_are_where_something_has_changed(width: int, height: int) -> None:
    detector, street = MotionDetector(), np.full((height, width), 90, np.uint8)
    assert len(detector.find_changed_areas()) == 0
    detector.update(street, 0)
    assert len(detector.find_changed_areas()) == 0
    street[height // 8 : height // 2, width // 8 : width // 2] = 200
    street[height * 3 // 4 : height * 7 // 8, width * 3 // 4 : width * 7 // 8] = 200
    assert detector.update(street, NS_PER_S // 10)
    areas = detector.find_changed_areas()
    # The detector blurs over one pixel each way, and adds a margin of one.
    wanted = [[0.125, 0.125, 0.5, 0.5], [0.75, 0.75, 0.875, 0.875]]
    assert np.abs(areas - wanted).max() <= 0.03
    assert areas.dtype == np.float32


def test_a_change_of_light_has_no_changed_areas() -> None:
    detector, street = MotionDetector(), street_image()
    detector.update(street, 0)
    detector.update(255 - street, NS_PER_S)
    assert len(detector.find_changed_areas()) == 0


def test_changes_that_are_no_motion_are_changed_areas_still() -> None:
    detector, street = MotionDetector(), np.full((90, 160), 90, np.uint8)
    detector.update(street, 0)
    street[40:43, 60:63] = 250
    assert not detector.update(street, NS_PER_S // 10)
    ((x1, y1, x2, y2),) = detector.find_changed_areas() * (160, 90, 160, 90)
    assert (x1 <= 60, y1 <= 40, x2 >= 63, y2 >= 43) == (True,) * 4
