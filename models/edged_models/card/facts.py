"""The facts of a model card, and how they are gathered."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

import edged_models
from edged.config.settings import ModelSettings
from edged.selftest.process import self_test_model
from edged.text import TextError, decode_text
from edged.types import InputSpec
from edged_models.compression.machine import Machine, describe_machine
from edged_models.conversion.model_contents import ModelContents, inspect_model
from edged_models.conversion.tflite_model import parse_model, read_model_bytes
from edged_models.errors import SourceError
from edged_models.evaluation.classifier_results import ClassifierEvaluation
from edged_models.evaluation.results import Evaluation

_MAX_BYTES = 1 << 20
_MAX_LIST_ITEMS = 20
"""Longer lists are left to the provenance file itself."""


class ProvenanceFact(Struct, frozen=True, kw_only=True):
    """One line of the provenance.

    Attributes:
        name: the path of keys in the JSON object, joined by commas.
        value: the value as text.
    """

    name: str
    value: str


class CardFacts(Struct, frozen=True, kw_only=True):
    """Everything in the card.

    Attributes:
        model: contents of the model file.
        sha256: hexadecimal digest of the file.
        labels: class names.
        family: the model family with which the daemon decodes the outputs.
        input_spec: how the daemon encodes a frame for the model.
        about: text in Markdown by a person; None without one.
        evaluations: figures for each set of pictures.
        provenance: the origin of the model, line by line.
        machine: the machine on which the model was evaluated.
        tool: name and version of the program that wrote the card.
    """

    model: ModelContents
    sha256: str
    labels: tuple[str, ...]
    family: str
    input_spec: InputSpec
    about: str | None
    evaluations: tuple[Evaluation | ClassifierEvaluation, ...]
    provenance: tuple[ProvenanceFact, ...]
    machine: Machine
    tool: str


def gather_facts(
    path: Path,
    *,
    runtime: str,
    labels_file: Path | None,
    evaluations: Sequence[Evaluation | ClassifierEvaluation],
    about: str | None,
    provenance: tuple[ProvenanceFact, ...],
) -> CardFacts:
    """Read the model file, self-test it in a sandboxed process, and collect the facts.

    Args:
        path: the model file.
        runtime: ``litert``, ``tflite``, or ``auto`` for the first that is installed.
        labels_file: class names, one a line; None for those in the model file.
        evaluations: figures for each set of pictures.
        about: text in Markdown by a person; None without one.
        provenance: the origin of the model, line by line.

    Raises:
        EdgedError: the file cannot be read, or the self-test rejects it.
    """
    content = read_model_bytes(path)
    report = self_test_model(ModelSettings(path=path, runtime=runtime, labels_file=labels_file))
    return CardFacts(
        model=inspect_model(content, parse_model(content, str(path)), path.name),
        sha256=sha256(content).hexdigest(),
        labels=report.labels,
        family=report.family,
        input_spec=report.input,
        about=about,
        evaluations=tuple(evaluations),
        provenance=provenance,
        machine=describe_machine(),
        tool=f"edged-models {edged_models.__version__}",
    )


def read_text(path: Path) -> str:
    """Read a small text file.

    Raises:
        SourceError: the file cannot be read, is too large, or is not text in UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise SourceError(f"{path} is larger than {_MAX_BYTES} bytes")
        return decode_text(content)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except TextError as error:
        raise SourceError(f"{path} is not text in UTF-8: {error}") from error


def read_provenance(path: Path, model: Path) -> tuple[ProvenanceFact, ...]:
    """Read a JSON object, as `edged-models release` writes it or any other, as lines of the provenance.

    Raises:
        SourceError: the file cannot be read, is not a JSON object, or does not contain the model's SHA-256.
    """
    text = read_text(path)
    try:
        content = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise SourceError(f"{path} is not a JSON object: {error}") from error
    digest = sha256(read_model_bytes(model)).hexdigest()
    if digest not in text:
        raise SourceError(
            f"{path} is not the provenance of {model}: it does not contain the model's SHA-256, {digest}"
        )
    return tuple(ProvenanceFact(name=name, value=value) for name, value in _flatten(content, ()))


def _flatten(value: object, key_path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _flatten(inner, (*key_path, str(key)))
        case list() if len(value) > _MAX_LIST_ITEMS:
            yield ", ".join(key_path), f"{len(value)} items"
        case list() if any(isinstance(inner, dict | list) for inner in value):
            for number, inner in enumerate(value, 1):
                yield from _flatten(inner, (*key_path, str(number)))
        case list():
            yield ", ".join(key_path), ", ".join(map(str, value))
        case _:
            yield ", ".join(key_path), str(value)
