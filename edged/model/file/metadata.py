"""The metadata that a .tflite file carries beside its graph.

Slot numbers are those of the published schemas: ``schema.fbs`` (Model, Metadata, Buffer; file identifier TFL3) and
``metadata_schema.fbs`` (ModelMetadata, SubGraphMetadata, TensorMetadata, ProcessUnit, NormalizationOptions; M001).
"""

import zipfile
from dataclasses import replace
from pathlib import Path

from edged.model.file.content import open_model_file
from edged.model.file.flatbuffer import FlatbufferTable
from edged.model.file.labels import read_ultralytics_metadata, read_zip_labels
from edged.types import FileMetadata

_MODEL_BUFFERS, _MODEL_METADATA = 4, 6
_NORMALIZATION = 1  # member of the union ProcessUnitOptions


def read_metadata(path: Path) -> FileMetadata:
    """Read the metadata of a model file; missing parts are left empty.

    Raises:
        ModelError: the file does not exist, is not a TensorFlow Lite model, or is damaged where it is read.
    """
    with open_model_file(path) as model:
        return _add_archive_metadata(_from_graph(model), path)


def _from_graph(model: FlatbufferTable) -> FileMetadata:
    for entry in model.read_tables(_MODEL_METADATA):
        if entry.read_text(0) == "TFLITE_METADATA":
            buffers = model.read_tables(_MODEL_BUFFERS)
            index = entry.read_integer(1, "I")
            packed = buffers[index].read_bytes(0) if index < len(buffers) else b""
            if packed[4:8] == b"M001":
                return _from_metadata(FlatbufferTable.read_root(packed))
    return FileMetadata()


def _from_metadata(metadata: FlatbufferTable) -> FileMetadata:
    mean, std = _normalisation(metadata)
    return FileMetadata(
        name=metadata.read_text(0),
        description=metadata.read_text(1),
        version=metadata.read_text(2),
        licence=metadata.read_text(5),
        mean=mean,
        std=std,
    )


def _normalisation(metadata: FlatbufferTable) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for subgraph in metadata.read_tables(3)[:1]:
        for tensor in subgraph.read_tables(2)[:1]:
            for unit in tensor.read_tables(4):
                options = unit.read_table(1)
                if options and unit.read_integer(0, "B") == _NORMALIZATION:
                    return options.read_floats(0), options.read_floats(1)
    return (), ()


def _add_archive_metadata(metadata: FileMetadata, path: Path) -> FileMetadata:
    if not zipfile.is_zipfile(path):
        return metadata
    with zipfile.ZipFile(path) as archive:
        ultralytics = read_ultralytics_metadata(archive)
        return replace(
            metadata,
            description=metadata.description or str(ultralytics.get("description", "")),
            licence=metadata.licence or str(ultralytics.get("license", "")),
            labels=read_zip_labels(archive),
            embedded=tuple(archive.namelist()),
            task=str(ultralytics.get("task", "")),
        )
