"""The metadata of model files, and the files that must not crash the reader."""

import json
import struct
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edged.errors import ModelError
from edged.model.file.flatbuffer import FlatbufferError, FlatbufferTable
from edged.model.file.metadata import read_metadata
from support.data_files import data_file

EMPTY_GRAPH = struct.pack("<I4sHHi", 12, b"TFL3", 4, 4, 4)
"""A root table without fields, after its vtable."""
NAMES = {"names": {0: "person", 2: "car"}, "description": "two things", "license": "AGPL-3.0"}
ULTRALYTICS = ("person", "", "car")


def with_zip(folder: Path, files: dict[str, str]) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(EMPTY_GRAPH)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_the_metadata_of_a_real_model() -> None:
    path = data_file("models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite")
    metadata = read_metadata(path)
    assert (metadata.name, metadata.version) == ("Coco SSD MobileNetV1", "v1")
    assert (metadata.mean, metadata.std) == ((127.5,), (127.5,))
    assert metadata.embedded == ("labelmap.txt",)
    assert (metadata.labels[0], metadata.labels[11], metadata.labels[16]) == (
        "person",
        "???",
        "cat",
    )


def test_a_model_without_metadata_has_empty_metadata() -> None:
    metadata = read_metadata(
        data_file("models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite")
    )
    assert (metadata.name, metadata.labels, metadata.embedded) == ("", (), ())


@pytest.mark.parametrize(
    ("files", "labels"),
    [
        ({"labels.txt": "a\nb\n", "labelmap.txt": "c\n???\nd\n"}, ("c", "???", "d")),
        ({"imagenet_labels.txt": "a, b\nc\n\n"}, ("a, b", "c")),
        ({"temp_meta.txt": repr(NAMES)}, ULTRALYTICS),
        ({"metadata.json": json.dumps(NAMES)}, ULTRALYTICS),
        ({"metadata.json": '{"names": ["x", "y"]}'}, ("x", "y")),
        ({"metadata.json": '{"task": "detect"}'}, ()),
        ({"readme.txt": "nothing"}, ()),
    ],
)
def test_labels_come_from_the_appended_zip(
    tmp_path: Path, files: dict[str, str], labels: tuple[str, ...]
) -> None:
    metadata = read_metadata(with_zip(tmp_path, files))
    assert metadata.labels == labels
    assert metadata.embedded == tuple(files)


def test_ultralytics_notes_fill_what_the_metadata_leaves_open(tmp_path: Path) -> None:
    metadata = read_metadata(with_zip(tmp_path, {"temp_meta.txt": repr(NAMES)}))
    assert (metadata.description, metadata.licence) == ("two things", "AGPL-3.0")
    assert metadata.class_count == len(ULTRALYTICS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("temp_meta.txt", "__import__('os').abort()"),
        ("temp_meta.txt", "(" * 100_000),
        ("metadata.json", "{"),
    ],
)
def test_ultralytics_notes_that_cannot_be_read_cost_the_labels_and_not_the_model(
    tmp_path: Path, name: str, text: str
) -> None:
    metadata = read_metadata(with_zip(tmp_path, {name: text}))
    assert (metadata.labels, metadata.task) == ((), "")
    assert metadata.labels_fault.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty: download"),
        (b"\x7fELF\x02\x01\x01\x00", "not a TensorFlow Lite model"),
        (struct.pack("<I4s", 0xFFFFFFF0, b"TFL3"), "damaged"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=reason):
        read_metadata(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read the model .*nowhere\.tflite"):
        read_metadata(tmp_path / "nowhere.tflite")


@given(st.binary(max_size=200), st.integers(0, 5))
def test_no_bytes_lead_a_table_out_of_its_buffer(content: bytes, slot: int) -> None:
    with suppress(FlatbufferError):
        table = FlatbufferTable.read_root(content)
        table.read_integer(slot, "I")
        table.read_text(slot)
        table.read_floats(slot)
        for child in [table.read_table(slot), *table.read_tables(slot)]:
            if child:
                child.read_bytes(slot)


@settings(max_examples=60)
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=8))
@example(75, b"@")  # the zip's "version needed", which zipfile answers with NotImplementedError
def test_a_mutated_model_is_read_or_refused(position: int, replacement: bytes) -> None:
    original = data_file("models/mobilenet_v1_0.25_128_quant.tflite").read_bytes()
    # Only the ends hold what we read: the tables in front, and the zip's directory behind.
    for at in (position, len(original) - position - len(replacement)):
        mutated = original[:at] + replacement + original[at + len(replacement) :]
        with tempfile.NamedTemporaryFile(suffix=".tflite") as file, suppress(ModelError):
            file.write(mutated)
            file.flush()
            read_metadata(Path(file.name))
