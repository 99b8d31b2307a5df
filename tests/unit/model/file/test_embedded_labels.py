"""Which of the files in a model's zip is its label list."""

import io
import json
import struct
import zipfile
from pathlib import Path

import pytest

from edged.model.file.metadata import read_metadata
from support.data_files import data_file

EMPTY_GRAPH = struct.pack("<I4sHHi", 12, b"TFL3", 4, 4, 4)
"""A root table without fields, after its vtable."""
SSD = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
"""Its metadata declares `labelmap.txt` as labels of values."""


def with_zip(folder: Path, files: dict[str, str], graph: bytes = EMPTY_GRAPH) -> Path:
    path = folder / "model.tflite"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    path.write_bytes(graph + packed.getvalue())
    return path


def declaring(name: str) -> bytes:
    """Return the graph of the SSD, whose metadata declares a file with this name of twelve characters as its labels."""
    content = data_file(SSD).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        graph = content[: archive.infolist()[0].header_offset]
    assert graph.count(b"labelmap.txt") == 1
    return graph.replace(b"labelmap.txt", name.encode())


@pytest.mark.parametrize("name", ["labels.pbtxt", "synonyms.abc"])
def test_the_file_that_the_metadata_declares_comes_first(tmp_path: Path, name: str) -> None:
    files = {"labels.txt": "wrong", "labelmap.txt": "wrong", name: "person\ncar\n"}
    metadata = read_metadata(with_zip(tmp_path, files, declaring(name)))
    assert (metadata.labels, metadata.labels_file) == (("person", "car"), name)


def test_a_declared_label_map_of_the_object_detection_api_is_read(tmp_path: Path) -> None:
    files = {"labels.pbtxt": "item { id: 1 name: 'person' }"}
    metadata = read_metadata(with_zip(tmp_path, files, declaring("labels.pbtxt")))
    assert metadata.labels == ("", "person")


def test_a_declared_file_that_is_missing_leaves_the_names_to_decide(tmp_path: Path) -> None:
    metadata = read_metadata(with_zip(tmp_path, {"labels.txt": "cat"}, declaring("synonyms.abc")))
    assert (metadata.labels, metadata.labels_file) == (("cat",), "labels.txt")


@pytest.mark.parametrize(
    ("files", "labels", "is_guessed"),
    [
        ({"label_map.pbtxt": "item { id: 0 name: 'cat' }"}, ("cat",), False),
        ({"my_labels.json": '["cat"]'}, ("cat",), False),
        ({"Labels.TXT": "cat"}, ("cat",), False),
        ({"metadata.json": "{", "labels.txt": "cat"}, ("cat",), False),
        ({"metadata.json": '\ufeff{"names": {"0": "cat"}}'}, ("cat",), False),
        ({"classes.txt": "cat\ndog"}, ("cat", "dog"), True),
        ({"classes.txt": "cat", "anchors.txt": "1\n2"}, (), False),
        ({"README.txt": "cat"}, (), False),
        ({"LICENSE.txt": "cat"}, (), False),
        ({"notes.txt": "0 a\n0 b"}, (), False),
        ({"scores.bin": "cat"}, (), False),
    ],
    ids=repr,
)
def test_files_that_nothing_declares(
    tmp_path: Path, files: dict[str, str], labels: tuple[str, ...], *, is_guessed: bool
) -> None:
    metadata = read_metadata(with_zip(tmp_path, files))
    assert (metadata.labels, metadata.are_labels_guessed) == (labels, is_guessed)
    assert bool(metadata.labels_file) == bool(labels)
    assert metadata.embedded == tuple(files)


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"labels.txt": "x" * (2 << 20)}, "larger than"),
        ({"labels.txt": "999999999 far"}, "labels.txt: line 1: the class id 999999999"),
        ({"labels.txt": "0 cat\n0 dog"}, "labels.txt: line 2: the class id 0 has two names"),
        ({"metadata.json": json.dumps({"names": {"999999999": "far"}})}, "the class id 999999999"),
        ({"metadata.json": json.dumps({"names": {"a": "b"}})}, "metadata.json: expected a list"),
        ({"metadata.json": "{"}, "metadata.json: Expecting property name"),
        ({"temp_meta.txt": "{"}, "temp_meta.txt: it cannot be read"),
    ],
)
def test_a_list_that_cannot_be_read_is_a_fault_of_the_labels_alone(
    tmp_path: Path, files: dict[str, str], fault: str
) -> None:
    metadata = read_metadata(with_zip(tmp_path, files))
    assert metadata.labels == ()
    assert fault in metadata.labels_fault
