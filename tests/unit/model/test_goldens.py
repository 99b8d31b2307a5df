"""Goldens: the expected detections, and the permitted deviations."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import ModelError
from edged.model.goldens import (
    ExpectedDetection,
    Golden,
    Goldens,
    Tolerances,
    find_mismatches,
    match_detections,
    read_goldens,
    write_goldens,
)
from edged.types import Detections

Box = tuple[float, float, float, float]
HERE: Box = (0.1, 0.1, 0.5, 0.5)
THERE: Box = (0.6, 0.6, 0.9, 0.9)
SHA = "0123456789abcdef" * 4


def _goldens(*expected: tuple[float, Box, int]) -> Goldens:
    detections = tuple(
        ExpectedDetection(label=f"class-{class_id}", class_id=class_id, score=score, box=box)
        for score, box, class_id in expected
    )
    golden = Golden(picture="1.png", sha256=SHA, kind="easy", detections=detections)
    return Goldens(
        schema=1,
        model_sha256=SHA,
        made_by="test",
        min_score=0.5,
        tolerances=Tolerances(min_iou=0.8, max_score_difference=0.05),
        goldens=(golden,),
    )


def _found(*found: tuple[float, Box, int]) -> Detections:
    return Detections(
        np.array([box for _, box, _ in found], np.float32).reshape(-1, 4),
        np.array([score for score, _, _ in found], np.float32),
        np.array([class_id for *_, class_id in found], np.int32),
    )


def _faults(goldens: Goldens, found: Detections) -> tuple[str, ...]:
    expected = goldens.goldens[0].detections
    return find_mismatches(expected, found, goldens.tolerances, min_score=goldens.min_score)


EXPECTED = _goldens((0.9, HERE, 0), (0.6, THERE, 1))


def test_the_same_in_any_order_is_as_expected() -> None:
    assert _faults(EXPECTED, _found((0.6, THERE, 1), (0.9, HERE, 0))) == ()


def test_small_differences_are_borne() -> None:
    assert _faults(EXPECTED, _found((0.86, (0.1, 0.1, 0.5, 0.48), 0), (0.64, THERE, 1))) == ()


@pytest.mark.parametrize(
    "second",
    [
        (0.6, THERE, 0),  # another class
        (0.7, THERE, 1),  # another score
        (0.6, (0.6, 0.6, 0.9, 0.8), 1),  # another box
    ],
)
def test_what_differs_too_far_is_missing(second: tuple[float, Box, int]) -> None:
    faults = _faults(EXPECTED, _found((0.9, HERE, 0), second))
    assert faults[0] == "no class-1 of 0.60 at [0.600, 0.600, 0.900, 0.900]"
    assert len(faults) == 2


def test_one_detection_does_not_stand_for_two() -> None:
    goldens = _goldens((0.9, HERE, 0), (0.9, HERE, 0))
    assert len(_faults(goldens, _found((0.9, HERE, 0)))) == 1


def test_a_detection_near_the_least_score_may_come_and_go() -> None:
    assert _faults(_goldens(), _found((0.54, HERE, 0))) == ()
    assert len(_faults(_goldens(), _found((0.56, HERE, 0)))) == 1
    assert _faults(_goldens((0.51, HERE, 0)), _found((0.47, HERE, 0))) == ()
    assert len(_faults(_goldens((0.51, HERE, 0)), _found())) == 1
    assert EXPECTED.tolerances.lower_min_score(0.5) == pytest.approx(0.45)


def test_the_pairs_that_overlap_most_are_matched() -> None:
    moved: Box = (0.12, 0.1, 0.52, 0.5)
    goldens = _goldens((0.9, HERE, 0), (0.9, moved, 0))
    found = _found((0.9, moved, 0), (0.9, HERE, 0))
    assert match_detections(goldens.goldens[0].detections, found, goldens.tolerances) == {
        0: 1,
        1: 0,
    }


def test_what_was_written_is_read_back() -> None:
    assert read_goldens(write_goldens(EXPECTED)) == EXPECTED


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2),
        (("goldens",), []),
        (("model_sha256",), "ab"),
        (("tolerances", "max_score_difference"), 1.5),
        (("goldens", 0, "picture"), "../1.png"),
        (("goldens", 0, "picture"), "/etc/passwd"),
        (("goldens", 0, "picture"), ".png"),
        (("goldens", 0, "detections", 0, "box"), [0, 0, 1]),
        (("goldens", 0, "detections", 0, "score"), "high"),
        (("goldens", 0, "detections", 0, "class_id"), -1),
    ],
)
def test_what_cannot_be_right_is_refused(path: tuple[str | int, ...], value: object) -> None:
    content = json.loads(write_goldens(EXPECTED))
    *way, last = path
    place = content
    for step in way:
        place = place[step]
    place[last] = value
    with pytest.raises(ModelError, match="goldens cannot be read"):
        read_goldens(json.dumps(content).encode())


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b" " * (1 << 21)])
def test_what_is_no_goldens_at_all(content: bytes) -> None:
    with pytest.raises(ModelError):
        read_goldens(content)


@given(st.data(), st.integers(0, 6), st.integers(0, 6))
def test_no_detection_is_used_twice(data: st.DataObject, expected: int, found: int) -> None:
    rows = st.tuples(
        st.sampled_from([0.6, 0.62, 0.9]), st.sampled_from([HERE, THERE]), st.integers(0, 1)
    )
    goldens = _goldens(*data.draw(st.lists(rows, min_size=expected, max_size=expected)))
    detections = _found(*data.draw(st.lists(rows, min_size=found, max_size=found)))
    pairs = match_detections(goldens.goldens[0].detections, detections, goldens.tolerances)
    assert len(set(pairs.values())) == len(pairs)
    for one, other in pairs.items():
        assert goldens.goldens[0].detections[one].class_id == detections.class_ids[other]
    assert len(_faults(goldens, detections)) == expected + found - 2 * len(pairs)
