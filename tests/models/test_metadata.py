"""Writing metadata into a model: the daemon reads what was written, and nothing else in the file changes."""

import io
import zipfile
from pathlib import Path

import pytest

from edged import bundled
from edged.marks import MARK_LABELS
from edged.model.file.metadata import read_metadata
from edged_models.cli.main import main
from edged_models.conversion.associated_files import split_associated_files
from edged_models.conversion.metadata import attach_metadata, copy_metadata, read_model_metadata
from edged_models.conversion.metadata_tree import MetadataNode, read_tree, write_tree
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.tflite_model import parse_model
from edged_models.errors import SourceError
from support.data_files import data_file

SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
BARE_SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite"
CLASSIFIER = "models/mobilenet_v1_0.25_128_quant.tflite"
METADATA = ModelMetadata(
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
    return [(tensor.name, tensor.stored_bytes) for tensor in parse_model(content).tensors]


@pytest.fixture
def marks() -> bytes:
    return bundled.model_path().read_bytes()


@pytest.mark.parametrize("model", [SSD, BARE_SSD])
def test_the_daemon_reads_what_was_written(model: str, tmp_path: Path) -> None:
    before = data_file(model).read_bytes()
    path = tmp_path / "model.tflite"
    path.write_bytes(attach_metadata(before, METADATA))
    read = read_metadata(path)
    assert (read.name, read.version, read.licence) == ("parts", "2", "MIT")
    assert (read.description, read.labels) == (METADATA.description, METADATA.labels)
    assert (read.mean, read.std) == (METADATA.mean, METADATA.std)
    assert read_model_metadata(path.read_bytes()) == METADATA
    assert weights(path.read_bytes()) == weights(before)


def test_writing_again_changes_nothing_and_does_not_grow(marks: bytes) -> None:
    once = attach_metadata(marks, METADATA)
    assert attach_metadata(once, METADATA) == once
    other = attach_metadata(once, ModelMetadata(name="x" * 500))
    assert read_model_metadata(attach_metadata(other, ModelMetadata(name="parts"))) == METADATA
    assert len(attach_metadata(other, ModelMetadata(name="parts"))) <= len(once) + 16


def test_missing_fields_are_not_changed(marks: bytes) -> None:
    metadata = read_model_metadata(attach_metadata(marks, ModelMetadata(version="9")))
    assert metadata.version == "9"
    assert (metadata.name, metadata.labels, metadata.std) == ("edged-marks", MARK_LABELS, (255.0,))


def test_a_model_without_metadata_has_none() -> None:
    assert read_model_metadata(data_file(BARE_SSD).read_bytes()).name is None


def test_labels_belong_to_the_classes_of_a_detector(marks: bytes) -> None:
    for content in (attach_metadata(data_file(BARE_SSD).read_bytes(), METADATA), marks):
        outputs = _outputs(content)
        named = [[file.fields["name"] for file in files(one)] for one in outputs]
        assert named == [[], ["labels.txt"], [], []]
        assert files(outputs[1])[0].fields["type"] == 3, "values, not an axis"


def test_labels_belong_to_the_only_output_of_a_classifier() -> None:
    content = attach_metadata(data_file(CLASSIFIER).read_bytes(), ModelMetadata(labels=("a", "b")))
    (output,) = _outputs(content)
    assert files(output)[0].fields["type"] == 2


def test_other_associated_files_stay_and_the_labels_file_keeps_its_name() -> None:
    before = data_file(SSD).read_bytes()
    packed = io.BytesIO(before)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("notes/readme.md", "keep me")
    content = attach_metadata(packed.getvalue(), ModelMetadata(labels=("one",)))
    _, appended = split_associated_files(content)
    assert list(appended) == ["labelmap.txt", "notes/readme.md"]
    assert appended["labelmap.txt"] == b"one\n"
    assert appended["notes/readme.md"] == b"keep me"


def test_new_labels_replace_a_declared_list_of_another_name() -> None:
    """The daemon reads the declared list first, whatever its name is."""
    content = data_file(SSD).read_bytes()
    graph, _ = split_associated_files(content)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("labels.pbtxt", "item { id: 1 name: 'old' }")
    before = graph.replace(b"labelmap.txt", b"labels.pbtxt") + packed.getvalue()
    assert read_model_metadata(before).labels == ("", "old")
    after = attach_metadata(before, ModelMetadata(labels=("new",)))
    assert read_model_metadata(after).labels == ("new",)
    assert list(split_associated_files(after)[1]) == ["labels.txt"]


@pytest.mark.parametrize("labels", [("1 euro", "2 wheels"), ("#1", "cat"), ("0 a", "b", "2 c")])
def test_labels_that_the_daemon_would_read_otherwise_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(SourceError, match="cannot be written one a line"):
        attach_metadata(data_file(SSD).read_bytes(), ModelMetadata(labels=labels))


def test_the_tree_keeps_tables_that_the_daemon_does_not_use() -> None:
    tensor = MetadataNode(
        "TensorMetadata",
        {
            "name": "scores",
            "dimension_names": ["a", "b"],
            "stats": MetadataNode("Stats", {"max": [1.0], "min": [0.5]}),
            "process_units": [
                MetadataNode(
                    "ProcessUnit",
                    {
                        "options": MetadataNode(
                            "ScoreThresholdingOptions", {"global_score_threshold": 0.25}
                        )
                    },
                )
            ],
            "content": MetadataNode(
                "Content",
                {
                    "content_properties": MetadataNode(
                        "BoundingBoxProperties", {"index": [1, 0, 3, 2], "type": 2}
                    ),
                    "range": MetadataNode("ValueRange", {"min": -1, "max": 2}),
                },
            ),
        },
    )
    custom = MetadataNode("CustomMetadata", {"name": "own", "data": [1, 2, 255]})
    graph = MetadataNode(
        "SubGraphMetadata", {"output_tensor_metadata": [tensor], "custom_metadata": [custom]}
    )
    root = MetadataNode("ModelMetadata", {"name": "n", "subgraph_metadata": [graph]})
    assert read_tree(write_tree(root)) == root


def test_another_models_metadata_can_be_copied(marks: bytes) -> None:
    bare = data_file(BARE_SSD).read_bytes()
    copied = copy_metadata(marks, bare, "ssd")
    assert read_model_metadata(copied) == read_model_metadata(marks)
    assert weights(copied) == weights(bare)


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


def test_wrong_input_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], marks: bytes
) -> None:
    model, empty = tmp_path / "m.tflite", tmp_path / "empty.txt"
    model.write_bytes(marks)
    empty.write_text("\n\n")
    numbered = tmp_path / "numbered.txt"
    numbered.write_text("1 a\n3 b\n")
    for arguments, message in [
        ([str(tmp_path / "none.tflite")], "cannot read"),
        ([str(empty)], "is not a TensorFlow Lite model"),
        ([str(model), "--labels", str(tmp_path / "none.txt")], "cannot read the labels"),
        ([str(model), "--labels", str(empty)], "has no labels"),
        ([str(model), "--name", "x", "--out", str(tmp_path / "m.tflite" / "y")], "cannot write"),
    ]:
        assert main(["metadata", *arguments]) == 1
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert model.read_bytes() == marks
    assert main(["metadata", str(model), "--labels", str(numbered)]) == 0
    assert read_metadata(model).labels == ("", "a", "", "b")


def files(tensor: MetadataNode) -> list[MetadataNode]:
    return tensor.fields.get("associated_files", [])


def _outputs(content: bytes) -> list[MetadataNode]:
    from edged_models.conversion.flatbuffer import unpack_model

    tree = unpack_model(split_associated_files(content)[0])
    (entry,) = [one for one in tree.metadata if one.name == b"TFLITE_METADATA"]
    root = read_tree(bytes(tree.buffers[entry.buffer].data))
    return root.fields["subgraph_metadata"][0].fields["output_tensor_metadata"]
