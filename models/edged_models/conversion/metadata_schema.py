"""The tables of a .tflite's metadata, as published in ``metadata_schema.fbs``. The order of fields determines their slots.

The package tflite-support has this schema, but no wheels for Python after 3.11; the runtimes do not have it.
"""

from enum import Enum, auto
from typing import NamedTuple

IDENTIFIER = b"M001"
ROOT = "ModelMetadata"


class ValueType(Enum):
    """The storage type of a field's value."""

    TEXT = auto()
    TEXTS = auto()
    BYTE = auto()
    INT = auto()
    UINT = auto()
    FLOAT = auto()
    FLOATS = auto()
    UINTS = auto()
    OCTETS = auto()
    TABLE = auto()
    TABLES = auto()
    UNION = auto()


class Field(NamedTuple):
    """A field of a table.

    Attributes:
        name: its name in the schema.
        value_type: its storage type.
        types: the types of tables that it may hold.
    """

    name: str
    value_type: ValueType
    types: tuple[str, ...] = ()


_F = ValueType
_FILES = Field("associated_files", _F.TABLES, ("AssociatedFile",))
_UNITS = ("ProcessUnit",)
_VOCABULARY = Field("vocab_file", _F.TABLES, ("AssociatedFile",))
TABLES: dict[str, tuple[Field, ...]] = {
    "ModelMetadata": (
        Field("name", _F.TEXT),
        Field("description", _F.TEXT),
        Field("version", _F.TEXT),
        Field("subgraph_metadata", _F.TABLES, ("SubGraphMetadata",)),
        Field("author", _F.TEXT),
        Field("license", _F.TEXT),
        _FILES,
        Field("min_parser_version", _F.TEXT),
    ),
    "SubGraphMetadata": (
        Field("name", _F.TEXT),
        Field("description", _F.TEXT),
        Field("input_tensor_metadata", _F.TABLES, ("TensorMetadata",)),
        Field("output_tensor_metadata", _F.TABLES, ("TensorMetadata",)),
        _FILES,
        Field("input_process_units", _F.TABLES, _UNITS),
        Field("output_process_units", _F.TABLES, _UNITS),
        Field("input_tensor_groups", _F.TABLES, ("TensorGroup",)),
        Field("output_tensor_groups", _F.TABLES, ("TensorGroup",)),
        Field("custom_metadata", _F.TABLES, ("CustomMetadata",)),
    ),
    "TensorMetadata": (
        Field("name", _F.TEXT),
        Field("description", _F.TEXT),
        Field("dimension_names", _F.TEXTS),
        Field("content", _F.TABLE, ("Content",)),
        Field("process_units", _F.TABLES, _UNITS),
        Field("stats", _F.TABLE, ("Stats",)),
        _FILES,
    ),
    "AssociatedFile": (
        Field("name", _F.TEXT),
        Field("description", _F.TEXT),
        Field("type", _F.BYTE),
        Field("locale", _F.TEXT),
        Field("version", _F.TEXT),
    ),
    "TensorGroup": (Field("name", _F.TEXT), Field("tensor_names", _F.TEXTS)),
    "CustomMetadata": (Field("name", _F.TEXT), Field("data", _F.OCTETS)),
    "Stats": (Field("max", _F.FLOATS), Field("min", _F.FLOATS)),
    "Content": (
        Field(
            "content_properties",
            _F.UNION,
            ("FeatureProperties", "ImageProperties", "BoundingBoxProperties", "AudioProperties"),
        ),
        Field("range", _F.TABLE, ("ValueRange",)),
    ),
    "FeatureProperties": (),
    "ImageProperties": (
        Field("color_space", _F.BYTE),
        Field("default_size", _F.TABLE, ("ImageSize",)),
    ),
    "ImageSize": (Field("width", _F.UINT), Field("height", _F.UINT)),
    "BoundingBoxProperties": (
        Field("index", _F.UINTS),
        Field("type", _F.BYTE),
        Field("coordinate_type", _F.BYTE),
    ),
    "AudioProperties": (Field("sample_rate", _F.UINT), Field("channels", _F.UINT)),
    "ValueRange": (Field("min", _F.INT), Field("max", _F.INT)),
    "ProcessUnit": (
        Field(
            "options",
            _F.UNION,
            (
                "NormalizationOptions",
                "ScoreCalibrationOptions",
                "ScoreThresholdingOptions",
                "BertTokenizerOptions",
                "SentencePieceTokenizerOptions",
                "RegexTokenizerOptions",
            ),
        ),
    ),
    "NormalizationOptions": (Field("mean", _F.FLOATS), Field("std", _F.FLOATS)),
    "ScoreCalibrationOptions": (
        Field("score_transformation", _F.BYTE),
        Field("default_score", _F.FLOAT),
    ),
    "ScoreThresholdingOptions": (Field("global_score_threshold", _F.FLOAT),),
    "BertTokenizerOptions": (_VOCABULARY,),
    "SentencePieceTokenizerOptions": (
        Field("sentencePiece_model", _F.TABLES, ("AssociatedFile",)),
        _VOCABULARY,
    ),
    "RegexTokenizerOptions": (Field("delim_regex_pattern", _F.TEXT), _VOCABULARY),
}
