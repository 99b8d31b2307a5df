"""No family fails on an odd model: `match` gives a family or a clause for every signature, `decode` a result or a `ModelError`."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.errors import ModelError
from edged.interfaces import ModelFamily
from edged.model.encode import Encoder
from edged.registry import FAMILIES, load_driver
from edged.types import (
    Detections,
    FileMetadata,
    Fit,
    Frame,
    ModelSignature,
    PostprocessOptions,
    TensorInfo,
)
from support.families import CASES, classification
from support.head_cases import HEAD_CASES, fomo

pytestmark = pytest.mark.runtime

HUGE = 2**31 - 1
SIDES = (HUGE, 10**5, 8192, 320, 64, 33, 32, *range(31, 14, -1), 1, 0, -1)
INPUT_DTYPES = ("float32", "uint8", "int8", "int16", "float16", "int32", "int64", "bool", "bytes")
OUTPUT_DTYPES = (*INPUT_DTYPES, "float64", "complex64", "object", "int4")
ODD_SCALES = (0.0, 1.0, 0.004, -1.0, 1e-38, 1e38, np.inf, np.nan)
ODD_DIMENSIONS = (HUGE, 8400, 85, 84, 56, 7, 6, 5, 4, 3, 2, 1, 0, -1)
ALL = {**CASES, **HEAD_CASES, "fomo": fomo, "classification": classification}


def image(side: int, *, channels_first: bool = False, channels: int = 3) -> tuple[int, ...]:
    return (1, channels, side, side) if channels_first else (1, side, side, channels)


def tensor(shape: tuple[int, ...], index: int = 0, **fields: object) -> TensorInfo:
    values = {"name": "tensor", "dtype": "float32"} | fields
    return TensorInfo(index=index, shape=shape, **values)  # type: ignore[arg-type] # any field, by name


def cells(side: int) -> tuple[int, int]:
    """Return the number of cells of the strides 8, 16, 32, and of 16 and 32."""
    return sum((side // s) ** 2 for s in (8, 16, 32)), sum((side // s) ** 2 for s in (16, 32))


def output_shapes(side: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield layouts that a family could take, and odd ones of every rank."""
    for n in {*cells(side), 3 * cells(side)[0], 300, 0, -1, 1}:
        for depth in (0, 1, 4, 5, 6, 7, 56, 85):
            yield ((1, n, depth),)
            yield ((1, depth, n),)
            yield ((1, n, 4), (1, n, depth))
            yield ((1, n, depth), (1, n, 4))
            yield ((1, n, depth), (1, n, 64))
        yield ((1, n, 4), (1, n), (1, n), (1,))
        yield ((1, n), (1, n, 4), (1,), (1, n))
    for one in ((), (0,), (-1,), (1,), (5,), (1, 0), (1, 1001), (HUGE,) * 4, (1, 1, 1, 1024)):
        yield (one,)
    yield ()
    yield ((1, 10),) * 12


def matches(signature: ModelSignature) -> Iterator[ModelFamily]:
    """Yield the families that take the model; the others decline with a clause."""
    for name in FAMILIES:
        match = load_driver(FAMILIES, name).match(signature)
        if isinstance(match, str):
            assert match, f"{name} declines without a reason"
        else:
            yield match


def signature(
    input_tensors: tuple[TensorInfo, ...], outputs: tuple[tuple[int, ...], ...], **fields: object
) -> ModelSignature:
    tensors = tuple(tensor(shape, i + 1) for i, shape in enumerate(outputs))
    return ModelSignature(inputs=input_tensors, outputs=tensors, **fields)  # type: ignore[arg-type] # any field, by name


@pytest.mark.parametrize("side", SIDES)
def test_every_side_of_an_input_is_taken_or_declined(side: int) -> None:
    for channels_first, channels in product((False, True), (1, 3)):
        shape = image(side, channels_first=channels_first, channels=channels)
        for outputs in output_shapes(min(side, 8192)):
            for family in matches(signature((tensor(shape),), outputs)):
                assert 16 <= side <= 8192
                assert (family.input.width, family.input.height) == (side, side)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", INPUT_DTYPES)
def test_what_a_family_takes_can_be_fed(name: str, dtype: str) -> None:
    """Whatever the quantisation of the input and the normalisation in the metadata are."""
    case = ALL[name]("float32").signature
    normalisations = [(), (0.0,), (np.nan,), (np.inf,), (1e300,), (1.0, 2.0), (1.0, 2.0, 3.0)]
    frame = Frame.from_pixels(np.zeros((20, 30, 3), np.uint8))
    taken = 0
    for scale, zero_point, mean, std in product(
        ODD_SCALES, (0, -128, HUGE), normalisations, normalisations
    ):
        one = replace(case.inputs[0], dtype=dtype, scale=scale, zero_point=zero_point)
        metadata = replace(case.metadata, mean=mean, std=std)
        for family in matches(replace(case, inputs=(one,), metadata=metadata)):
            values = Encoder(family.input)(frame).array
            assert np.isfinite(values).all()
            taken += 1
    assert bool(taken) == (dtype in {"float32", "uint8", "int8", "int16"})


@given(
    st.lists(
        st.lists(st.sampled_from(ODD_DIMENSIONS), max_size=5).map(tuple), min_size=0, max_size=7
    ),
    st.lists(st.sampled_from(SIDES).map(image), min_size=0, max_size=3),
    st.sampled_from(OUTPUT_DTYPES),
    st.sampled_from(ODD_SCALES),
    st.lists(st.sampled_from(["", "person", "???", "background"]), max_size=90),
)
@settings(max_examples=200)
def test_any_shapes_are_taken_or_declined(
    outputs: list[tuple[int, ...]],
    inputs: list[tuple[int, ...]],
    dtype: str,
    scale: float,
    labels: list[str],
) -> None:
    made = signature(
        tuple(tensor(shape, 90 + i, dtype=dtype, scale=scale) for i, shape in enumerate(inputs)),
        tuple(outputs),
        metadata=FileMetadata(labels=tuple(labels)),
    )
    list(matches(made))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("scale", ODD_SCALES)
@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 0.5, 2.0, 300.0, 3e38, -3e38, np.inf, np.nan])
def test_odd_values_give_detections_or_a_model_error(name: str, scale: float, value: float) -> None:
    case = ALL[name]("float32")
    outputs = tuple(replace(one, scale=scale) for one in case.signature.outputs)
    rng = np.random.default_rng(1)
    options = PostprocessOptions(num_classes=2, max_detections=2, max_classes_per_detection=2)
    for family in matches(replace(case.signature, outputs=outputs, postprocess=options)):
        arrays = [np.full_like(output, value) for output in case.outputs]
        mixed = [np.where(rng.random(o.shape) < 0.3, value, o).astype("f") for o in case.outputs]
        one_bad = [*case.outputs[:-1], np.full_like(case.outputs[-1], value)]
        for made in (arrays, mixed, one_bad):
            decode(family, made)


@pytest.mark.parametrize("name", ALL)
def test_outputs_of_another_shape_or_type_are_a_model_error(name: str) -> None:
    """A graph with dynamic tensors gives what it likes."""
    case = ALL[name]("float32")
    (family, *_) = matches(case.signature)
    shapes = [(), (0,), (1,), (1, 0, 6), (1, 3), (1, 5, 5), (3, 2, 1, 1), (1, 84, 0)]
    for shape in shapes:
        decode(family, [np.ones(shape, np.float32) for _ in case.outputs])
    for dtype in ("complex64", "S4", "object", "bool", "M8[s]"):
        with pytest.raises(ModelError, match="no numbers"):
            family.decode([np.zeros(o.shape, dtype) for o in case.outputs], Fit(), min_score=0.5)
    with pytest.raises(ModelError, match="outputs"):
        family.decode([], Fit(), min_score=0.5)
    with pytest.raises(ModelError, match="outputs"):
        family.decode([*case.outputs, case.outputs[0]], Fit(), min_score=0.5)


def decode(family: ModelFamily, outputs: list[np.ndarray]) -> None:
    """Decode, and check what comes out; warnings are errors in all tests."""
    for min_score in (0.0, 0.5):
        with suppress(ModelError):
            check_detections(family.decode(outputs, Fit(), min_score=min_score))


def check_detections(found: Detections) -> None:
    assert np.isfinite(found.boxes).all()
    assert ((found.boxes >= 0.0) & (found.boxes <= 1.0)).all()
    assert ((found.scores >= 0.0) & (found.scores <= 1.0)).all()
    assert (found.class_ids >= 0).all()
