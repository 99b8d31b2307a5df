"""A label list must be that of the model: its length is the only thing that shows it."""

from dataclasses import replace

import pytest

from edged.families.label_count import class_offset, find_class_offset
from edged.families.ssd import SsdFamily
from edged.families.yolo_nms_free import YoloNmsFreeFamily
from edged.types import FileMetadata, ModelSignature, PostprocessOptions, TensorInfo
from support.families import ssd

FIRSTS_WITHOUT_CLASS = ("", "???", "background", "Background", "__background__", "unlabeled")


def signature(*labels: str) -> ModelSignature:
    return ModelSignature(inputs=(), outputs=(), metadata=FileMetadata(labels=labels))


@pytest.mark.parametrize(
    ("labels", "offset"),
    [
        ((), 0),
        (("a", "b", "c"), 0),
        (("a", "???", "c"), 0),
        *(((first, "a", "b", "c"), 1) for first in FIRSTS_WITHOUT_CLASS),
    ],
)
def test_labels_that_fit_three_classes(labels: tuple[str, ...], offset: int) -> None:
    assert find_class_offset(signature(*labels), 3) == offset
    assert find_class_offset(signature(*labels), 3, counts_background=True) == offset


@pytest.mark.parametrize(
    ("labels", "clause"),
    [
        (("a", "b"), "its output has 3 classes and its label list 2: add the missing one"),
        (
            ("a", "b", "c", "d"),
            'its output has 3 classes and its label list 4: remove one, or let .* "a"',
        ),
        (("a",), "its output has 3 classes and its label list 1: use the list"),
        (("", *"abcde"), "its output has 3 classes and its label list 5: use the list"),
        (("", "a", "b"), "its output has 3 classes and its label list 2, because it counts from 1"),
    ],
)
@pytest.mark.parametrize("counts_background", [False, True])
def test_labels_of_another_length_are_refused_with_both_numbers(
    labels: tuple[str, ...], clause: str, *, counts_background: bool
) -> None:
    found = find_class_offset(signature(*labels), 3, counts_background=counts_background)
    with pytest.raises(AssertionError, match=clause):
        raise AssertionError(found)
    assert len(str(found)) <= 200


@pytest.mark.parametrize("first", ["???", "background"])
def test_a_first_label_without_a_class_counts_only_where_class_0_may_have_none(first: str) -> None:
    labels = signature(first, "a", "b")
    assert find_class_offset(labels, 3, counts_background=True) == 0
    assert f'"{first}" is its first' in str(find_class_offset(labels, 3))


def test_the_first_label_decides_where_the_file_has_no_number_of_classes() -> None:
    assert find_class_offset(signature("???", "a"), None) == 1
    assert find_class_offset(signature("a", "b"), None) == 0
    assert class_offset(signature("", "a"), None) == 1
    assert class_offset(signature("???", "a"), None) == 1
    assert class_offset(signature("background", "a"), None) == 0


def test_the_number_of_classes_in_the_metadata_counts_if_the_graph_shows_none() -> None:
    """Of an export with suppression in the graph: its rows have class ids, and no column for each class."""
    tensors = [
        TensorInfo(index=i, name="x", shape=shape, dtype="float32")
        for i, shape in enumerate([(1, 640, 640, 3), (1, 300, 6)])
    ]
    for labels, offset in (
        (("a", "b"), 0),
        (("background", "a", "b"), 1),
        (("a", "b", "c"), "its output has 2 classes and its label list 3"),
        (("a",), "its output has 2 classes and its label list 1"),
    ):
        metadata = FileMetadata(labels=labels, class_count=2)
        found = YoloNmsFreeFamily.match(
            ModelSignature(inputs=(tensors[0],), outputs=(tensors[1],), metadata=metadata)
        )
        if isinstance(offset, int):
            assert isinstance(found, YoloNmsFreeFamily)
            assert found.class_offset == offset
        else:
            assert offset in str(found)


def test_an_ssd_counts_its_classes_by_its_own_operator() -> None:
    options = PostprocessOptions(num_classes=90, max_detections=10)
    labels = FileMetadata(labels=tuple(f"name {i}" for i in range(80)))
    clause = SsdFamily.match(
        replace(ssd("float32").signature, postprocess=options, metadata=labels)
    )
    assert str(clause).startswith("its output has 90 classes and its label list 80:")
