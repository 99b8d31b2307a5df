"""The labels that people give to real models: those of the model are taken, others are refused with both numbers."""

import zipfile
from pathlib import Path

import pytest

from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.model.acceptance import load_accepted_model
from edged.model.load import Model, load_model
from edged.model.refusal.message import MAX_MESSAGE_CHARS
from support.data_files import data_file
from support.pictures import read_frame, run_inference

pytestmark = pytest.mark.runtime

SSD = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite"
SSD_TF2 = "coco_ssd_v1_tf2_output_order.tflite"
CLASSIFIER = "mobilenet_v1_0.25_128_quant.tflite"
COCO = data_file("models/coco_labelmap.txt").read_text().splitlines()
IMAGENET = data_file("models/imagenet_labels.txt").read_text().splitlines()


def opened(model: str, folder: Path, text: str, name: str = "labels.txt") -> Model:
    file = folder / name
    file.write_text(text)
    return load_model(ModelSettings(path=data_file(f"models/{model}"), labels_file=file))


def coco_label_map() -> str:
    """Return the Object Detection API's label map of COCO: from 1, without the ten numbers that have no class."""
    return "".join(
        f'item {{\n  name: "/m/{number}"\n  id: {number}\n  display_name: "{name}"\n}}\n'
        for number, name in enumerate(COCO, 1)
        if name != "???"
    )


def best_label(model: Model) -> str:
    found = run_inference(model, read_frame(data_file("images/cat_720p.jpg")), 0.1)
    return model.label_of(int(found.class_ids[0]))


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(COCO),
        "\n".join(["???", *COCO]),
        "\n".join(["background", *COCO]),
        "\n".join(f"{number}  {name}" for number, name in enumerate(COCO) if name != "???"),
        "\n".join(f"{number} {name}" for number, name in enumerate(COCO, 1) if name != "???"),
        coco_label_map(),
    ],
    ids=["lines", "after ???", "after background", "numbered", "from 1", "label map"],
)
@pytest.mark.parametrize("model", [SSD, SSD_TF2])
def test_a_cat_is_a_cat_in_whatever_form_the_90_labels_are(
    tmp_path: Path, model: str, text: str
) -> None:
    assert best_label(opened(model, tmp_path, text)) == "cat"


def test_80_names_of_coco_do_not_turn_a_cat_into_a_dog(tmp_path: Path) -> None:
    names = "\n".join(name for name in COCO if name != "???")
    with pytest.raises(ModelError, match=r"labels\.txt .*90 classes and its label list 80: use"):
        opened(SSD, tmp_path, names)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["person", *COCO], '91: remove one, or let the first, "person", be background'),
        (COCO[:-1], "89: add the missing one"),
        (["background", *COCO[:-1]], '89, because "background" is its first'),
        (["???", *COCO[:-1]], r'89, because "\?\?\?" is its first'),
    ],
)
def test_a_list_that_is_one_off_is_refused(tmp_path: Path, names: list[str], reason: str) -> None:
    with pytest.raises(ModelError, match=f"90 classes and its label list {reason}"):
        opened(SSD, tmp_path, "\n".join(names))


def test_the_labels_of_the_configuration_are_counted_too() -> None:
    settings = ModelSettings(path=data_file(f"models/{SSD}"), labels=("person", "car"))
    with pytest.raises(ModelError, match=r"the 2 given labels are not those of"):
        load_model(settings)


def test_1000_names_of_imagenet_do_not_shift_a_classifier_of_1001(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="1001 classes and its label list 1000: add the missing"):
        opened(CLASSIFIER, tmp_path, "\n".join(IMAGENET[1:]))
    numbered = "\n".join(f"{number} {name}" for number, name in enumerate(IMAGENET[1:], 1))
    with pytest.raises(ModelError, match="label list 1000, because it counts from 1"):
        opened(CLASSIFIER, tmp_path, numbered)
    assert "cat" in best_label(opened(CLASSIFIER, tmp_path, "\n".join(IMAGENET)))


def test_a_text_file_that_is_only_guessed_to_be_labels_is_left_out_if_it_does_not_fit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(data_file(f"models/{SSD}").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("anchors.txt", "one\ntwo")
    model = load_model(ModelSettings(path=path))
    assert (model.labels, model.label_of(3)) == ((), "class-3")
    assert "none of the files in the model (anchors.txt) is a list of its labels" in caplog.text


def test_embedded_labels_that_cannot_be_read_are_replaced_by_those_of_the_configuration(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(data_file(f"models/{SSD}").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "0 person\n0 car")
    with pytest.raises(ModelError, match=r"labels\.txt: line 2: .*set model\.labels_file"):
        load_model(ModelSettings(path=path))
    assert load_model(ModelSettings(path=path, labels=tuple(COCO))).labels == tuple(COCO)


def test_embedded_labels_that_do_not_fit_are_refused_in_a_sentence_with_what_to_do(
    tmp_path: Path,
) -> None:
    path = tmp_path / f"{'detector' * 20}.tflite"
    path.write_bytes(data_file(f"models/{SSD}").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "\n".join(["a long name " * 10, *COCO]))
    with pytest.raises(
        ModelError, match=r"; set model\.labels_file to the model's list$"
    ) as caught:
        load_accepted_model(ModelSettings(path=path))
    assert len(str(caught.value)) <= MAX_MESSAGE_CHARS


@pytest.mark.parametrize("style", ["CVAT", "source code", "Open Images", "a title"])
def test_a_list_as_a_tool_wrote_it_names_a_cat_or_is_refused(tmp_path: Path, style: str) -> None:
    names = [f"class {i}" if name == "???" else name for i, name in enumerate(COCO)]
    text = {
        "CVAT": "# label:color_rgb:parts:actions\n" + "".join(f"{n}:1,2,3::\n" for n in names),
        "source code": "COCO = [\n" + "".join(f"    {n!r},\n" for n in names) + "]\n",
        "Open Images": "".join(f"/m/{i},{n}\n" for i, n in enumerate(names)),
        "a title": "class_name\n" + "\n".join(names),
    }[style]
    if style in {"CVAT", "source code"}:
        assert best_label(opened(SSD, tmp_path, text)) == "cat"
    else:
        with pytest.raises(ModelError, match="cannot read the labels"):
            opened(SSD, tmp_path, text)
