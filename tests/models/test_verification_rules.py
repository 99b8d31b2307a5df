"""Rules of the verification, on values."""

import numpy as np
import pytest

from edged.types import Detections
from edged_models.verification.agreement import compare_boxes, compare_classes
from edged_models.verification.faults import describe_loss, find_output_faults
from edged_models.verification.input_scaling import (
    ScalingStep,
    combine_steps,
    find_normalisation_fault,
    find_pixel_range,
)
from edged_models.verification.tensor_error import MAX_SNR_DB, measure_error

IMAGENET = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))
NOTHING = np.zeros(1)


def step(scale: object = 1.0, offset: object = 0.0) -> ScalingStep:
    return ScalingStep(
        op="MUL", scale=np.atleast_1d(scale).astype(float), offset=np.atleast_1d(offset)
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([step(1 / 255)], "0..255"),
        ([step(1 / 127.5, -1.0)], "0..255"),
        ([step(1 / 255), step(1.0, -IMAGENET[0]), step(1 / IMAGENET[1])], "0..255"),
        ([step(1.0, -np.array([103.9, 116.8, 123.7]))], "0..255"),
        ([step(1.0, -IMAGENET[0]), step(1 / IMAGENET[1])], "0..1"),
        ([step(2.0, -1.0)], "0..1"),
        ([step(0.5, 0.5)], "-1..1"),
    ],
)
def test_a_scaling_tells_what_it_is_made_for(steps: list[ScalingStep], expected: str) -> None:
    assert find_pixel_range(combine_steps(steps)).text == expected


def test_a_scaling_that_fits_several_inputs_tells_nothing() -> None:
    assert combine_steps([step(2.0), step(0.5)]) is None
    assert find_pixel_range(combine_steps([step(1.01)])) is None


def test_a_normalisation_contradicts_a_scaling_by_orders_of_magnitude_only() -> None:
    pixels = combine_steps([step(1 / 127.5, -1.0)])
    assert "normalised twice" in find_normalisation_fault(pixels, (0.0,), (255.0,))
    assert find_normalisation_fault(pixels, (0.0,), (1.0,)) is None
    fractions = combine_steps([step(2.0, -1.0)])
    assert "not normalised" in find_normalisation_fault(fractions, (0.0,), (1.0,))
    assert find_normalisation_fault(fractions, (127.5,), (127.5,)) is None


def test_an_error_is_measured_against_the_signal() -> None:
    signal = np.array([[1.0, -1.0, 1.0, -1.0]], np.float32) + 100
    found = measure_error("x", signal, signal + np.array([[0.1, 0.1, -0.1, -0.1]], np.float32))
    assert found.relative_rms == pytest.approx(0.1, rel=1e-4)
    assert found.snr_db == pytest.approx(20.0, abs=0.01)
    assert found.max_abs == pytest.approx(0.1, rel=1e-4)
    assert measure_error("x", signal, signal).snr_db == MAX_SNR_DB
    assert measure_error("x", signal, signal * np.nan).snr_db is None


def test_a_picture_that_the_source_hardly_decides_is_not_held_against_the_result() -> None:
    expected = np.array([[0.9, 0.1, 0.0]] * 9 + [[0.501, 0.499, 0.0]], np.float32)
    actual = expected.copy()
    actual[-1] = [0.499, 0.501, 0.0]
    found = compare_classes(expected, actual)
    assert (found.top1, found.decided, found.top1_decided) == (0.9, 9, 1.0)


def test_small_probabilities_are_decided_by_what_they_differ() -> None:
    expected = np.full((10, 100), 0.0099, np.float32)
    expected[:, 3] = 0.012
    found = compare_classes(expected, np.zeros_like(expected))
    assert found.decided == 10
    assert found.top1_decided == 0.0
    assert found.top5 == 0.0, "among equal scores a class has no place"


def detections(*boxes: tuple[float, float, float, float, float]) -> Detections:
    table = np.array(boxes, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4], np.zeros(len(table), np.int32))


def test_boxes_agree_by_overlap_and_may_lose_a_little_score() -> None:
    left = detections((0, 0, 0.5, 0.5, 0.31), (0.5, 0.5, 1, 1, 0.9))
    right = detections((0, 0, 0.5, 0.5, 0.25), (0.5, 0.0, 1, 0.5, 0.9))
    found = compare_boxes([left], [right])
    assert (found.source_objects, found.result_objects) == (2, 1)
    assert found.agreement == pytest.approx(1 / 3)
    assert found.mean_iou == 1.0
    assert compare_boxes([detections()], [detections()]).agreement is None


def faults(expected: np.ndarray, actual: np.ndarray, scheme: str = "int8") -> str:
    return "; ".join(
        find_output_faults(
            "y", expected.astype(np.float32), actual.astype(np.float32), scheme=scheme
        )
    )


def test_what_no_bound_is_needed_for_is_named() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(8, 1, 6))
    assert faults(values, values) == ""
    assert "contains NaN or infinity, the source's does not" in faults(values, values * np.nan)
    assert "of the source itself contains NaN" in faults(values * np.nan, values)
    constant = np.broadcast_to(values[:1], values.shape)
    assert "is the same for all 8 pictures" in faults(values, constant)
    assert faults(constant, constant) == "", "a source that is constant itself is no loss"


@pytest.mark.parametrize("axis", [1, 2])
def test_small_channels_beside_large_ones_are_found_along_any_axis(axis: int) -> None:
    rng = np.random.default_rng(2)
    shape = [8, 5, 7]
    scale = np.ones((1, *(n if i == axis else 1 for i, n in enumerate(shape[1:], start=1))))
    scale[tuple(slice(0, 2) if i == axis else slice(None) for i in range(3))] = 300.0
    expected = (rng.random(shape) * scale)[:, None]
    rounded = np.rint(expected / 1.25) * 1.25
    assert "channels lost their values" in faults(expected, rounded)
    assert faults(expected, expected + rng.normal(size=expected.shape) * 1e-3) == ""


def test_rare_probabilities_may_become_0() -> None:
    expected = np.tile(np.array([0.999, 0.0005, 0.0005]), (8, 1, 4, 1)) * (
        1 - 1e-3 * np.arange(8)[:, None, None, None]
    )
    assert faults(expected, np.rint(expected * 256) / 256) == ""


def test_a_loss_is_described() -> None:
    expected = np.random.default_rng(3).normal(size=(8, 50)).astype(np.float32)
    assert describe_loss(expected, np.zeros_like(expected)) == "all its values became 0"
    assert "stick at the ends of its range" in describe_loss(expected, expected.clip(-0.2, 0.2))
    assert "the same for all 8" in describe_loss(
        expected, np.ones((8, 1), np.float32) * expected[:1]
    )
