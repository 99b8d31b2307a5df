"""The metadata that a .tflite file carries beside its graph.

Slot numbers are those of the published schemas: ``schema.fbs`` (Model, Metadata, Buffer; file identifier TFL3) and
``metadata_schema.fbs`` (ModelMetadata, SubGraphMetadata, TensorMetadata, AssociatedFile, ProcessUnit, NormalizationOptions; M001).
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edged.model.file.content import open_model_file
from edged.model.file.detector_metadata import read_box_decoding
from edged.model.file.embedded_labels import read_embedded_labels, read_ultralytics_metadata
from edged.model.file.flatbuffer import FlatbufferTable
from edged.model.file.label_documents import labels_from_value
from edged.model.file.thresholds import read_thresholds
from edged.types import FileMetadata

_MODEL_BUFFERS, _MODEL_METADATA = 4, 6
_NORMALIZATION = 1  # member of the union ProcessUnitOptions
_UNKNOWN_FILE, _LABEL_FILES = 0, (2, 3)
"""Members of the enum AssociatedFileType: UNKNOWN; TENSOR_AXIS_LABELS and TENSOR_VALUE_LABELS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DeclaredFiles:
    """The files of the appended zip whose purpose the metadata declares.

    Attributes:
        labels: label lists, the preferred one first.
        other: files with another purpose.
    """

    labels: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


def read_metadata(path: Path) -> FileMetadata:
    """Read the metadata of a model file; missing parts are left empty.

    Raises:
        ModelError: the file does not exist, is not a TensorFlow Lite model, or is damaged where it is read.
    """
    with open_model_file(path) as model:
        packed = _find_metadata(model)
        if packed is None:
            return _add_archive_metadata(FileMetadata(), _DeclaredFiles(), path)
        return _add_archive_metadata(_from_metadata(packed), _declared_files(packed), path)


def _find_metadata(model: FlatbufferTable) -> FlatbufferTable | None:
    for entry in model.read_tables(_MODEL_METADATA):
        if entry.read_text(0) == "TFLITE_METADATA":
            buffers = model.read_tables(_MODEL_BUFFERS)
            index = entry.read_integer(1, "I")
            packed = buffers[index].read_bytes(0) if index < len(buffers) else b""
            if packed[4:8] == b"M001":
                return FlatbufferTable.read_root(packed)
    return None


def _from_metadata(metadata: FlatbufferTable) -> FileMetadata:
    mean, std = _normalisation(metadata)
    return FileMetadata(
        name=metadata.read_text(0),
        description=metadata.read_text(1),
        version=metadata.read_text(2),
        licence=metadata.read_text(5),
        mean=mean,
        std=std,
        box_decoding=read_box_decoding(metadata),
    )


def _normalisation(metadata: FlatbufferTable) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for subgraph in metadata.read_tables(3)[:1]:
        for tensor in subgraph.read_tables(2)[:1]:
            for unit in tensor.read_tables(4):
                options = unit.read_table(1)
                if options and unit.read_integer(0, "B") == _NORMALIZATION:
                    return options.read_floats(0), options.read_floats(1)
    return (), ()


def _declared_files(metadata: FlatbufferTable) -> _DeclaredFiles:
    files = list(_associated_files(metadata))
    labels = [file for file in files if file.read_integer(2, "B") in _LABEL_FILES]
    # A file for a locale is a translation of the labels.
    labels.sort(key=lambda file: (bool(locale := file.read_text(3)), locale != "en"))
    others = [
        file for file in files if file.read_integer(2, "B") not in (_UNKNOWN_FILE, *_LABEL_FILES)
    ]
    return _DeclaredFiles(
        labels=tuple(file.read_text(0) for file in labels),
        other=tuple(file.read_text(0) for file in others),
    )


def _associated_files(metadata: FlatbufferTable) -> Iterator[FlatbufferTable]:
    """Yield the files of the outputs, then those of the subgraphs and of the model."""
    subgraphs = metadata.read_tables(3)
    for subgraph in subgraphs:
        for tensor in subgraph.read_tables(3):
            yield from tensor.read_tables(6)
    for subgraph in subgraphs:
        yield from subgraph.read_tables(4)
    yield from metadata.read_tables(6)


def _add_archive_metadata(
    metadata: FileMetadata, declared: _DeclaredFiles, path: Path
) -> FileMetadata:
    if not zipfile.is_zipfile(path):
        return metadata
    with zipfile.ZipFile(path) as archive:
        ultralytics = _read_ultralytics(archive)
        found = read_embedded_labels(archive, declared.labels, declared.other)
        return replace(
            metadata,
            description=metadata.description or str(ultralytics.get("description", "")),
            licence=metadata.licence or str(ultralytics.get("license", "")),
            labels=found.labels,
            labels_file=found.file,
            labels_fault=found.fault,
            are_labels_guessed=found.is_guessed,
            embedded=tuple(archive.namelist()),
            task=str(ultralytics.get("task", "")),
            class_count=_count_classes(ultralytics.get("names")),
            thresholds=read_thresholds(archive),
        )


def _read_ultralytics(archive: zipfile.ZipFile) -> dict[str, object]:
    """Return Ultralytics' metadata; empty if they cannot be read, which is a fault of the labels only."""
    try:
        return read_ultralytics_metadata(archive)
    except ValueError:
        return {}


def _count_classes(names: object) -> int | None:
    """Return the number of classes, whatever number the first one has; None if there are no names."""
    try:
        labels = labels_from_value(names)
    except ValueError:
        return None
    return len(labels) - (not labels[0]) if labels else None
