"""Models that edged does not run are refused for what they are; the detectors whose layouts they share run."""

from dataclasses import replace
from pathlib import Path

import pytest

from edged.errors import DelegateError, InvokeError, ModelError
from edged.model.load import find_family
from edged.model.refusal.message import MAX_MESSAGE_CHARS, short_messages
from edged.registry import FAMILIES
from edged.types import FileMetadata, ModelSignature, OpInfo, TensorInfo

pytestmark = pytest.mark.runtime

PATH = Path("/var/lib/edged/models/yolov8n_pose_float16.tflite")
Shape = tuple[int, ...]
PICTURE = (1, 640, 640, 3)


def model(
    *outputs: Shape,
    inputs: tuple[Shape, ...] = (PICTURE,),
    labels: int = 0,
    task: str = "",
    dtype: str = "float32",
) -> ModelSignature:
    tensors = [
        TensorInfo(index=i, name=f"tensor {i}", shape=shape, dtype=dtype)
        for i, shape in enumerate((*inputs, *outputs))
    ]
    names = tuple(f"label {i}" for i in range(labels))
    return ModelSignature(
        inputs=tuple(tensors[: len(inputs)]),
        outputs=tuple(tensors[len(inputs) :]),
        metadata=FileMetadata(labels=names, task=task),
    )


def refusal(signature: ModelSignature, family: str = "auto") -> ModelError:
    with pytest.raises(ModelError) as caught:
        find_family(signature, PATH, family)
    return caught.value


@pytest.mark.parametrize(
    ("outputs", "kind"),
    [
        ([(1, 56, 8400)], "pose (17 keypoints)"),
        ([(1, 8400, 56)], "pose (17 keypoints)"),
        ([(1, 68, 8400)], "pose (21 keypoints)"),
        ([(1, 29, 8400)], "pose (12 keypoints)"),
        ([(1, 77, 8400)], "pose (24 keypoints)"),
        ([(1, 25200, 57)], "pose (17 keypoints)"),
        ([(1, 300, 57)], "pose (17 keypoints)"),
        ([(1, 64, 8400), (1, 1, 8400), (1, 51, 8400)], "pose"),
        ([(1, 1, 17, 3)], "pose"),
        ([(1, 6, 56)], "pose"),
        ([(1, 17, 384), (1, 17, 512)], "pose"),
        ([(1, 33, 33, 17), (1, 33, 33, 34), (1, 33, 33, 32), (1, 33, 33, 32)], "pose"),
        ([(1, 20, 8400)], "face landmarks (5) or oriented boxes"),
        ([(1, 21, 8400)], "oriented boxes"),
        ([(1, 300, 7)], "oriented boxes"),
        ([(1, 25200, 16)], "face landmarks (5)"),
        ([(1, 300, 21)], "face landmarks (5)"),
        ([(1, 116, 8400)], "segmentation"),
        ([(1, 37, 8400)], "segmentation"),
        ([(1, 116, 8400), (1, 160, 160, 32)], "segmentation"),
        ([(1, 160, 160, 32), (1, 39, 8400)], "segmentation"),
        ([(1, 116, 8400), (1, 32, 160, 160)], "segmentation"),
        ([(1, 25200, 117), (1, 160, 160, 32)], "segmentation"),
        ([(1, 25200, 117)], "segmentation"),
        ([(1, 300, 38), (1, 160, 160, 32)], "segmentation"),
        ([(1, 257, 257, 21)], "segmentation"),
        ([(1, 21, 257, 257)], "segmentation"),
        ([(1, 640, 640, 1)], "masks or depth"),
        ([(1, 640, 640, 3)], "pictures"),
        ([(1, 896, 16), (1, 896, 1)], "face detection"),
        ([(1, 2016, 18), (1, 2016, 1)], "palm detection"),
        ([(1, 1, 1, 1404), (1, 1, 1, 1)], "face landmarks"),
        ([(1, 63), (1, 1), (1, 1), (1, 63)], "hand landmarks"),
        ([(1, 1)], "one number"),
        ([(1, 7, 7, 1280)], "features (a backbone"),
        ([(1, 20, 20, 255), (1, 40, 40, 255)], "YOLO without decoding"),
        ([(1, 80, 80, 255), (1, 40, 40, 255), (1, 20, 20, 255)], "YOLO without decoding"),
        ([(1, 3, 80, 80, 85), (1, 3, 40, 40, 85), (1, 3, 20, 20, 85)], "YOLO without decoding"),
    ],
)
def test_a_model_for_something_else_is_refused_by_its_kind(outputs: list[Shape], kind: str) -> None:
    """Nearly all of them have no metadata."""
    message = str(refusal(model(*outputs)))
    assert message.startswith(f"yolov8n_pose_float16.tflite is a model for {kind}")
    assert len(message.splitlines()[0]) <= MAX_MESSAGE_CHARS


@pytest.mark.parametrize(
    ("inputs", "dtype", "kind"),
    [
        (((1, 15600),), "float32", "audio"),
        (((16000,),), "float32", "audio"),
        (((1, 256),), "int32", "text"),
        (((1,),), "bytes", "text"),
        (((1, 384), (1, 384), (1, 384)), "int32", "text"),
        (((1, 33),), "float32", "sensor values"),
        (((1, 128, 9),), "float32", "sensor values"),
        (((1, 224, 224, 3), (1, 100)), "float32", "several inputs"),
        (((1, 8, 224, 224, 3),), "float32", "video"),
        (((1, 8, 8, 320),), "uint8", "feature maps"),
    ],
)
def test_a_model_without_a_picture_is_refused_for_what_it_reads(
    inputs: tuple[Shape, ...], dtype: str, kind: str
) -> None:
    assert f"is a model for {kind}" in str(refusal(model((1, 10), inputs=inputs, dtype=dtype)))


@pytest.mark.parametrize(
    ("task", "kind"),
    [("pose", "pose"), ("segment", "segmentation"), ("obb", "oriented boxes")],
)
@pytest.mark.parametrize("family", ["auto", "yolov8"])
def test_the_file_s_own_task_decides(task: str, kind: str, family: str) -> None:
    """Whatever its shape and its labels are: with one class, oriented boxes look like a detector of two."""
    signature = model((1, 6, 8400), labels=2, task=task)
    assert f"is a model for {kind}" in str(refusal(signature, family))


@pytest.mark.parametrize(("task", "labels"), [("detect", 0), ("", 52)])
def test_a_detector_of_52_classes_runs(task: str, labels: int) -> None:
    family = find_family(model((1, 56, 8400), labels=labels, task=task), PATH)
    assert family.name == "yolov8"


@pytest.mark.parametrize(
    ("outputs", "labels", "family"),
    [
        ((1, 84, 8400), 0, "yolov8"),
        ((1, 84, 8400), 80, "yolov8"),
        ((1, 6, 8400), 0, "yolov8"),
        ((1, 5, 8400), 0, "yolov8"),
        ((1, 20, 8400), 16, "yolov8"),
        ((1, 116, 8400), 112, "yolov8"),
        ((1, 85, 8400), 0, "yolov8"),
        ((1, 25200, 85), 0, "yolov5"),
        ((1, 25200, 57), 52, "yolov5"),
        ((1, 8400, 85), 80, "yolox"),
        ((1, 8400, 57), 52, "yolox"),
        ((1, 8400, 20), 15, "yolox"),
        ((1, 300, 6), 0, "yolo-nms-free"),
    ],
)
def test_detectors_of_like_layouts_run(outputs: Shape, labels: int, family: str) -> None:
    assert find_family(model(outputs, labels=labels), PATH).name == family


@pytest.mark.parametrize("classes", [12, 16, 51, 80])
def test_a_split_head_of_as_many_classes_as_keypoints_runs(classes: int) -> None:
    signature = model((1, 8400, 64), (1, 8400, classes))
    assert find_family(signature, PATH).name == "yolo-split"


def test_the_second_input_of_a_post_processor_is_named() -> None:
    signature = model((1, 300), (1, 300, 4), (1, 300), inputs=(PICTURE, (1, 2)))
    second = replace(signature.inputs[1], name="orig_target_sizes")
    message = str(refusal(replace(signature, inputs=(signature.inputs[0], second))))
    assert "a DETR's post-processor reads orig_target_sizes; export the model without it" in message


def test_a_pose_model_with_the_label_of_its_class_is_no_mere_mistake_of_the_list() -> None:
    assert "is a model for pose (17 keypoints)" in str(refusal(model((1, 56, 8400), labels=1)))


def test_oriented_boxes_with_the_labels_of_their_classes() -> None:
    assert "is a model for oriented boxes" in str(refusal(model((1, 20, 8400), labels=15)))


def test_an_input_without_a_fixed_size_is_told_as_that() -> None:
    message = str(refusal(model((1, 300, 6), inputs=((1, -1, -1, 3),))))
    assert "its input [1, -1, -1, 3] is not a picture of a fixed size" in message


def test_the_advice_for_a_detector_that_looks_like_a_pose_model() -> None:
    assert "a detector of 52 classes needs a label list" in str(refusal(model((1, 56, 8400))))


def test_a_feature_extractor_is_no_classifier() -> None:
    signature = model((1, 1, 1, 1024))
    pooled = (OpInfo(name="AVERAGE_POOL_2D", inputs=(9,), outputs=(1,)),)
    assert "feature extractor" in str(refusal(replace(signature, ops=pooled)))
    labels = FileMetadata(labels=("label",) * 1024)
    classifier = find_family(replace(signature, ops=pooled, metadata=labels), PATH)
    assert classifier.name == "classification"
    softmax = (OpInfo(name="SOFTMAX", inputs=(9,), outputs=(1,)),)
    assert find_family(replace(signature, ops=softmax), PATH).name == "classification"


@pytest.mark.parametrize(
    ("outputs", "labels", "reason"),
    [
        ([(1, 84, 8000)], 0, "not yolov8: its output [1, 84, 8000] is not"),
        ([(1, 8000, 85)], 80, "not yolov5: its output [1, 8000, 85] is not"),
        ([(1, 84, 8400)], 79, "not yolov8: its output has 80 classes and its label list 79"),
        ([(1, 20000, 85)], 0, "not yolov5: its output [1, 20000, 85] is not"),
        ([(1, 2001, 6)], 0, "not yolo-nms-free: its output [1, 2001, 6] is not"),
        ([(1, 50, 4), (1, 50), (1, 50), (7,)], 0, "not ssd: its four outputs are not"),
        ([(1, 2134, 4), (1, 2134, 91)], 0, "not ssd-raw: its outputs"),
        ([(1, 2034, 4), (1, 2034, 91)], 0, "not ssd-anchors: its outputs"),
        (
            [(1, 300, 4), (1, 300, 3)],
            2,
            'not detr: its output has 3 columns and its label list 2: add "background"',
        ),
        (
            [(1, 8400, 64), (1, 8400, 80)],
            17,
            "not yolo-split: its output has 80 classes and its label list 17",
        ),
        ([(1, 2100, 64), (1, 2100, 80)], 0, "not yolo-split: its outputs"),
        (
            [(1, 80, 80, 9)],
            3,
            "not fomo: its output has 8 classes and its label list 3",
        ),
    ],
)
def test_a_refusal_names_the_nearest_family_and_its_reason(
    outputs: list[Shape], labels: int, reason: str
) -> None:
    error = refusal(model(*outputs, labels=labels))
    message, *notes = "\n".join([error.args[0], *error.__notes__]).splitlines()
    assert f"fits no supported family; {reason}" in message
    assert len(message) <= MAX_MESSAGE_CHARS
    assert notes[0].startswith("inputs: float32 [1, 640, 640, 3]")
    assert [note.split(":")[0] for note in notes[2:]] == [f"not {name}" for name in FAMILIES]


@pytest.mark.parametrize(
    ("outputs", "shapes"),
    [
        ([], "nothing"),
        ([(1, 7)] * 12, "[1, 7], [1, 7] and 10 more"),
        ([(1, 1), (1, 2)], "[1, 1], [1, 2]"),
    ],
)
def test_a_model_that_resembles_no_family_is_described(outputs: list[Shape], shapes: str) -> None:
    message = str(refusal(model(*outputs)))
    assert message.endswith(f"fits no supported family: [1, 640, 640, 3] to {shapes}")


@pytest.mark.parametrize(
    ("shape", "clause"),
    [
        ((2, 64, 64, 3), "takes 2 pictures at once: convert the model with a batch of 1"),
        ((1, 8, 8, 3), "is a picture with a side below 16"),
        ((1, 3, 15, 64), "is a picture with a side below 16"),
        ((1, 64, 64), "is not a picture of a fixed size"),
    ],
)
def test_an_input_that_is_no_single_picture_is_told_as_what_it_is(
    shape: Shape, clause: str
) -> None:
    error = refusal(model((1, 1001), inputs=(shape,), labels=1001), "classification")
    assert f"not classification: its input {list(shape)} {clause}" in str(error)


def test_a_message_that_leaves_no_room_for_its_reason_is_shortened(tmp_path: Path) -> None:
    path = tmp_path / f"{'detector' * 20}.tflite"
    whole = f"{path} is damaged: {'why ' * 30}"
    for made in (ModelError, InvokeError):
        with pytest.raises(made) as caught, short_messages([path]):
            raise made(whole)
        assert type(caught.value) is made
        message = str(caught.value)
        assert message.startswith("detectordetectordetecto…")
        assert " is damaged: why why" in message
        assert len(message) <= MAX_MESSAGE_CHARS
        assert caught.value.__notes__ == [whole]
    with pytest.raises(ModelError, match=r"^short$"), short_messages([path]):
        raise ModelError("short")


def test_the_error_of_a_delegate_is_whole_because_its_reason_and_the_advice_stand_at_its_end() -> (
    None
):
    whole = (
        f"the delegate cannot open its device: {'why ' * 60}; check that the device is plugged in"
    )
    with pytest.raises(DelegateError) as caught, short_messages([]):
        raise DelegateError(whole)
    assert str(caught.value) == whole


def test_a_long_file_name_leaves_room_for_the_reason() -> None:
    with pytest.raises(ModelError) as caught:
        find_family(model((1, 56, 8400)), Path("x" * 200 + ".tflite"))
    assert len(caught.value.args[0]) <= MAX_MESSAGE_CHARS
    assert "pose" in caught.value.args[0]
