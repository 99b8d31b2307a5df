"""What stands in a model card."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

import edged_models
from edged.config.settings import ModelSettings
from edged.selftest.process import self_test_model
from edged.types import InputSpec
from edged_models.compression.machine import Machine, describe_machine
from edged_models.conversion.model_contents import ModelContents, inspect_model
from edged_models.conversion.tflite_model import parse_model, read_model_bytes
from edged_models.errors import SourceError
from edged_models.evaluation.results import Evaluation

_MAX_BYTES = 1 << 20
_MAX_LIST_ITEMS = 20
"""Longer lists are for programs; the provenance itself has them."""


class ProvenanceFact(Struct, frozen=True, kw_only=True):
    """One line of the provenance."""

    name: str
    value: str


class CardFacts(Struct, frozen=True, kw_only=True):
    """All that the card says.

    Attributes:
        model: what is in the file.
        sha256: of the file.
        labels: of its classes.
        family: the name of the model family that the daemon reads it by.
        input_spec: how the daemon feeds it.
        about: Markdown by a person; "" if there is none.
        evaluations: how good it is, on one set of pictures each.
        provenance: where it comes from.
        machine: where it was judged.
        tool: name and version of what wrote the card.
    """

    model: ModelContents
    sha256: str
    labels: tuple[str, ...]
    family: str
    input_spec: InputSpec
    about: str
    evaluations: tuple[Evaluation, ...]
    provenance: tuple[ProvenanceFact, ...]
    machine: Machine
    tool: str


def gather_facts(
    path: Path,
    *,
    runtime: str,
    labels_file: Path | None,
    evaluations: Sequence[Evaluation],
    about: str,
    provenance: tuple[ProvenanceFact, ...],
) -> CardFacts:
    """Read the model file, try it in a process of its own, and put all together.

    Raises:
        EdgedError: it cannot be read, or was refused.
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
    """A small text file.

    Raises:
        SourceError: it cannot be read, or is no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise SourceError(f"{path} is larger than {_MAX_BYTES} bytes")
        return content.decode()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no text in UTF-8: {error}") from error


def read_provenance(path: Path, model: Path) -> tuple[ProvenanceFact, ...]:
    """A JSON object, as `edged-models release` writes it or any other, line by line.

    Raises:
        SourceError: it cannot be read, is no JSON object, or does not name the model's SHA-256 and so is not about it.
    """
    text = read_text(path)
    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise SourceError(f"{path} is no JSON object: {error}") from error
    digest = sha256(read_model_bytes(model)).hexdigest()
    if digest not in text:
        raise SourceError(
            f"{path} is not about {model}: the file's SHA-256, {digest}, is not in it"
        )
    return tuple(ProvenanceFact(name=name, value=value) for name, value in _flatten(found, ()))


def _flatten(value: object, key_path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _flatten(inner, (*key_path, str(key)))
        case list() if len(value) > _MAX_LIST_ITEMS:
            yield ", ".join(key_path), f"{len(value)} of them"
        case list() if any(isinstance(inner, dict | list) for inner in value):
            for number, inner in enumerate(value, 1):
                yield from _flatten(inner, (*key_path, str(number)))
        case list():
            yield ", ".join(key_path), ", ".join(map(str, value))
        case _:
            yield ", ".join(key_path), str(value)
