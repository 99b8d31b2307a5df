"""Models that run but give wrong results, made by hand; real ones are in the integration tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.interpreters.simulated import SimulatedInterpreter
from edged.model.acceptance import (
    commonest_size_share,
    load_accepted_model,
    make_test_images,
    run_acceptance_test,
)
from edged.model.encode import Encoder
from edged.model.load import Model, find_family
from edged.types import Detections, ModelSignature, TensorInfo
from support.families import SIDE_PX, to_center_size

pytestmark = pytest.mark.runtime

CELLS = 84
OutputFunction = Callable[[np.ndarray], np.ndarray]


class ScriptedInterpreter(SimulatedInterpreter):
    """A YOLOv8 of one class whose output rows come from the test."""

    def __init__(self, compute_output: OutputFunction) -> None:
        super().__init__()
        shape = (1, SIDE_PX, SIDE_PX, 3)
        self.signature = ModelSignature(
            inputs=(TensorInfo(index=0, name="in", shape=shape, dtype="uint8", scale=1.0),),
            outputs=(TensorInfo(index=1, name="out", shape=(1, 5, CELLS), dtype="float32"),),
        )
        self._compute_output = compute_output

    def invoke(self, array: np.ndarray) -> tuple[np.ndarray, ...]:
        return (self._compute_output(array).T[None].astype(np.float32),)


def rows(array: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Well spread boxes and scores that depend on the picture."""
    rng = np.random.default_rng(int(array.sum()) + seed)
    low = rng.uniform(0.05, 0.5, (CELLS, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.05, 0.4, (CELLS, 2))], axis=1)
    return np.concatenate([to_center_size(boxes), rng.uniform(0, 1, (CELLS, 1))], axis=1)


def with_column(column: slice, value: float) -> OutputFunction:
    def answer(array: np.ndarray) -> np.ndarray:
        made = rows(array)
        made[:, column] = value
        return made

    return answer


def model(compute_output: OutputFunction) -> Model:
    interpreter = ScriptedInterpreter(compute_output)
    family = find_family(interpreter.signature, Path("scripted.tflite"), "yolov8")
    return Model(
        interpreter=interpreter,
        family=family,
        encoder=Encoder(family.input),
        labels=(),
        name="scripted",
    )


def test_a_model_that_answers_differently_is_accepted_and_timed() -> None:
    assert run_acceptance_test(model(rows)) >= 0.0


def test_a_model_whose_empty_cells_have_all_the_lowest_score_is_accepted() -> None:
    run_acceptance_test(model(with_column(slice(4, 5), 0.018)))


def test_a_model_without_detections_is_accepted() -> None:
    """A detector of rare objects finds none in a generated picture."""
    run_acceptance_test(model(with_column(slice(4, 5), 0.0)))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: rows(np.zeros(1)), "same output for two different pictures"),
        (with_column(slice(4, 5), 0.75), "the score 0.75"),
        (with_column(slice(4, 5), np.nan), "NaN"),
        (with_column(slice(2, 4), 0.1), "the same size"),
    ],
)
def test_a_model_that_is_wrong_is_refused_with_the_reason(
    answer: OutputFunction, reason: str
) -> None:
    with pytest.raises(ModelError, match=reason):
        run_acceptance_test(model(answer))


def test_a_model_that_answers_differently_at_each_load_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within one load it is right, and always the same."""
    loads = iter([0, 1])
    opened = []

    def load(_: ModelSettings) -> Model:
        seed = next(loads)
        made = model(lambda array: rows(array, seed=seed))
        made.interpreter.is_repeatable = True
        opened.append(made.interpreter)
        return made

    monkeypatch.setattr("edged.model.acceptance.load_model", load)
    with pytest.raises(ModelError, match="differently at each load"):
        load_accepted_model(ModelSettings())
    assert len(opened) == 2


def test_a_model_that_fails_at_one_load_only_is_refused_for_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([rows, with_column(slice(4, 5), np.nan)])

    def load(_: ModelSettings) -> Model:
        made = model(next(answers))
        made.interpreter.is_repeatable = True
        return made

    monkeypatch.setattr("edged.model.acceptance.load_model", load)
    with pytest.raises(ModelError, match="differently at each load"):
        load_accepted_model(ModelSettings())


def test_what_finds_objects_everywhere_is_refused() -> None:
    """As a pose model does whose keypoints are taken for scores: they lie anywhere between 0 and 1."""

    def answer(array: np.ndarray) -> np.ndarray:
        made = rows(array)
        made[:, :2] = np.linspace(0.1, 0.9, CELLS)[:, None]
        made[:, 2:4] = np.linspace(0.005, 0.01, CELLS)[:, None]
        made[:, 4] = 0.6 + 0.4 * made[:, 4]
        return made

    with pytest.raises(ModelError, match="objects in pictures that show none"):
        run_acceptance_test(model(answer))


def test_a_box_that_stands_for_several_classes_counts_once() -> None:
    """As in an SSD with suppression within each class: one anchor stands for 22 % of the rows."""
    low = np.random.default_rng(1).uniform(0.05, 0.4, (70, 4)).astype(np.float32)
    low[:, 2:] += 0.5
    low[:22] = low[0]
    scores, class_ids = np.linspace(0.9, 0.1, 70, dtype=np.float32), np.arange(70, dtype=np.int32)
    assert commonest_size_share(Detections(low, scores, class_ids)) < 0.1
    low[:22, [0, 2]] += np.linspace(0, 0.05, 22, dtype=np.float32)[:, None]
    assert commonest_size_share(Detections(low, scores, class_ids)) > 0.25


def test_the_test_images_are_always_the_same_and_differ() -> None:
    first, second = make_test_images()
    assert np.array_equal(first.pixels, make_test_images()[0].pixels)
    assert np.array_equal(second.pixels, 255 - first.pixels[:, ::-1])
    assert first.pixels.std() > 40
