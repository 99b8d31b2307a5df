"""What is written into a model is what the daemon reads, and nothing else of the file changes."""

import io
import zipfile
from pathlib import Path

import pytest

from edged import bundled
from edged.marks import MARKS
from edged.model.file.reader import read_metadata
from edged_models.cli.main import main
from edged_models.conversion.appended import split
from edged_models.conversion.card import Card
from edged_models.conversion.flatmodel import flat_model
from edged_models.conversion.metadata import attach, card_of, transplant
from edged_models.conversion.metadata_tree import Node, read_tree, write_tree
from support.data import data

SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
BARE_SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite"
CLASSIFIER = "models/mobilenet_v1_0.25_128_quant.tflite"
CARD = Card(
    name="parts",
    version="2",
    description="What lies on the belt: Schräubchen.",
    author="us",
    licence="MIT",
    mean=(123.5, 116.25, 103.0),
    std=(58.5, 57.0, 57.5),
    labels=("nut", "", "left bolt"),
)


def weights(content: bytes) -> list[tuple[str, int]]:
    return [(tensor.name, tensor.stored_bytes) for tensor in flat_model(content).tensors]


@pytest.fixture
def marks() -> bytes:
    return bundled.model().read_bytes()


@pytest.mark.parametrize("model", [SSD, BARE_SSD])
def test_the_daemon_reads_what_was_written(model: str, tmp_path: Path) -> None:
    before = data(model).read_bytes()
    path = tmp_path / "model.tflite"
    path.write_bytes(attach(before, CARD))
    read = read_metadata(path)
    assert (read.name, read.version, read.licence) == ("parts", "2", "MIT")
    assert (read.description, read.labels) == (CARD.description, CARD.labels)
    assert (read.mean, read.std) == (CARD.mean, CARD.std)
    assert card_of(path.read_bytes()) == CARD
    assert weights(path.read_bytes()) == weights(before)


def test_writing_again_changes_nothing_and_does_not_grow(marks: bytes) -> None:
    once = attach(marks, CARD)
    assert attach(once, CARD) == once
    other = attach(once, Card(name="x" * 500))
    assert card_of(attach(other, Card(name="parts"))) == CARD
    assert len(attach(other, Card(name="parts"))) <= len(once) + 16


def test_what_is_not_named_stays(marks: bytes) -> None:
    card = card_of(attach(marks, Card(version="9")))
    assert card.version == "9"
    assert (card.name, card.labels, card.std) == ("edged-marks", MARKS, (255.0,))


def test_labels_go_to_the_classes_of_a_detector(marks: bytes) -> None:
    for content in (attach(data(BARE_SSD).read_bytes(), CARD), marks):
        outputs = _outputs(content)
        named = [[file.fields["name"] for file in files(one)] for one in outputs]
        assert named == [[], ["labels.txt"], [], []]
        assert files(outputs[1])[0].fields["type"] == 3, "values, not an axis"


def test_labels_go_to_the_only_output_of_a_classifier() -> None:
    content = attach(data(CLASSIFIER).read_bytes(), Card(labels=("a", "b")))
    (output,) = _outputs(content)
    assert files(output)[0].fields["type"] == 2


def test_files_that_others_packed_stay_and_the_label_file_keeps_its_name() -> None:
    before = data(SSD).read_bytes()
    packed = io.BytesIO(before)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("notes/readme.md", "keep me")
    content = attach(packed.getvalue(), Card(labels=("one",)))
    _, appended = split(content)
    assert list(appended) == ["labelmap.txt", "notes/readme.md"]
    assert appended["labelmap.txt"] == b"one\n"
    assert appended["notes/readme.md"] == b"keep me"


def test_the_tree_keeps_what_it_does_not_know_how_to_use() -> None:
    tensor = Node(
        "TensorMetadata",
        {
            "name": "scores",
            "dimension_names": ["a", "b"],
            "stats": Node("Stats", {"max": [1.0], "min": [0.5]}),
            "process_units": [
                Node(
                    "ProcessUnit",
                    {"options": Node("ScoreThresholdingOptions", {"global_score_threshold": 0.25})},
                )
            ],
            "content": Node(
                "Content",
                {
                    "content_properties": Node(
                        "BoundingBoxProperties", {"index": [1, 0, 3, 2], "type": 2}
                    ),
                    "range": Node("ValueRange", {"min": -1, "max": 2}),
                },
            ),
        },
    )
    custom = Node("CustomMetadata", {"name": "own", "data": [1, 2, 255]})
    graph = Node(
        "SubGraphMetadata", {"output_tensor_metadata": [tensor], "custom_metadata": [custom]}
    )
    root = Node("ModelMetadata", {"name": "n", "subgraph_metadata": [graph]})
    assert read_tree(write_tree(root)) == root


def test_another_models_metadata_can_be_taken_over(marks: bytes) -> None:
    bare = data(BARE_SSD).read_bytes()
    given = transplant(marks, bare, "ssd")
    assert card_of(given) == card_of(marks)
    assert weights(given) == weights(bare)


def test_the_command_writes_a_copy_or_in_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], marks: bytes
) -> None:
    model, copy, labels = (tmp_path / name for name in ("m.tflite", "c.tflite", "l.txt"))
    model.write_bytes(marks)
    labels.write_text("eins\nzwei\n")
    assert main(["metadata", str(model), "--labels", str(labels), "--out", str(copy)]) == 0
    assert model.read_bytes() == marks
    assert read_metadata(copy).labels == ("eins", "zwei")
    assert main(["metadata", str(model), "--mean", "127.5", "--std", "127.5"]) == 0
    assert read_metadata(model).mean == (127.5,)
    assert main(["metadata", str(model), "--json"]) == 0
    assert '"std": [\n    127.5\n  ]' in capsys.readouterr().out


def test_wrong_input_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], marks: bytes
) -> None:
    model, empty = tmp_path / "m.tflite", tmp_path / "empty.txt"
    model.write_bytes(marks)
    empty.write_text("\n\n")
    numbered = tmp_path / "numbered.txt"
    numbered.write_text("1 a\n3 b\n")
    for arguments, says in [
        ([str(tmp_path / "none.tflite")], "cannot read"),
        ([str(empty)], "is not a TensorFlow Lite model"),
        ([str(model), "--labels", str(tmp_path / "none.txt")], "cannot read the labels"),
        ([str(model), "--labels", str(empty)], "there are no labels"),
        ([str(model), "--name", "x", "--out", str(tmp_path / "m.tflite" / "y")], "cannot write"),
    ]:
        assert main(["metadata", *arguments]) == 1
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1
    assert model.read_bytes() == marks
    assert main(["metadata", str(model), "--labels", str(numbered)]) == 0
    assert read_metadata(model).labels == ("", "a", "", "b")


def files(tensor: Node) -> list[Node]:
    return tensor.fields.get("associated_files", [])


def _outputs(content: bytes) -> list[Node]:
    from edged_models.conversion.flatfile import taken_apart

    tree = taken_apart(split(content)[0])
    (entry,) = [one for one in tree.metadata if one.name == b"TFLITE_METADATA"]
    root = read_tree(bytes(tree.buffers[entry.buffer].data))
    return root.fields["subgraph_metadata"][0].fields["output_tensor_metadata"]
