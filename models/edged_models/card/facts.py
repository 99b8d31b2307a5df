"""What stands in a model card."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

import edged_models
from edged.config.settings import ModelSettings
from edged.selftest.process import try_model
from edged.types import InputSpec
from edged_models.compression.machine import Machine, this_machine
from edged_models.conversion.contents import Contents, contents
from edged_models.conversion.flatmodel import flat_model, read_model
from edged_models.errors import SourceError
from edged_models.evaluation.results import Evaluation

_MOST_BYTES = 1 << 20
_MOST_LISTED = 20
"""Longer lists are for programs; the provenance itself has them."""


class Fact(Struct, frozen=True, kw_only=True):
    """One line of the provenance."""

    name: str
    value: str


class Facts(Struct, frozen=True, kw_only=True):
    """All that the card says.

    Attributes:
        model: what is in the file.
        sha256: of the file.
        labels: of its classes.
        family: the name of the model family that the daemon reads it by.
        fed: how the daemon feeds it.
        about: Markdown by a person; "" if there is none.
        evaluations: how good it is, on one set of pictures each.
        provenance: where it comes from.
        machine: where it was judged.
        tool: name and version of what wrote the card.
    """

    model: Contents
    sha256: str
    labels: tuple[str, ...]
    family: str
    fed: InputSpec
    about: str
    evaluations: tuple[Evaluation, ...]
    provenance: tuple[Fact, ...]
    machine: Machine
    tool: str


def gather(
    path: Path,
    *,
    runtime: str,
    labels_file: Path | None,
    evaluations: Sequence[Evaluation],
    about: str,
    provenance: tuple[Fact, ...],
) -> Facts:
    """Read the model file, try it in a process of its own, and put all together.

    Raises:
        EdgedError: it cannot be read, or was refused.
    """
    content = read_model(path)
    report = try_model(ModelSettings(path=path, runtime=runtime, labels_file=labels_file))
    return Facts(
        model=contents(content, flat_model(content, str(path)), path.name),
        sha256=sha256(content).hexdigest(),
        labels=report.labels,
        family=report.family,
        fed=report.input,
        about=about,
        evaluations=tuple(evaluations),
        provenance=provenance,
        machine=this_machine(),
        tool=f"edged-models {edged_models.__version__}",
    )


def read_text(path: Path) -> str:
    """A small text file.

    Raises:
        SourceError: it cannot be read, or is no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise SourceError(f"{path} is larger than {_MOST_BYTES} bytes")
        return content.decode()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no text in UTF-8: {error}") from error


def read_provenance(path: Path, model: Path) -> tuple[Fact, ...]:
    """A JSON object, as `edged-models release` writes it or any other, line by line.

    Raises:
        SourceError: it cannot be read, is no JSON object, or does not name the model's SHA-256 and so is not about it.
    """
    text = read_text(path)
    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise SourceError(f"{path} is no JSON object: {error}") from error
    digest = sha256(read_model(model)).hexdigest()
    if digest not in text:
        raise SourceError(
            f"{path} is not about {model}: the file's SHA-256, {digest}, is not in it"
        )
    return tuple(Fact(name=name, value=value) for name, value in _flat(found, ()))


def _flat(value: object, way: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _flat(inner, (*way, str(key)))
        case list() if len(value) > _MOST_LISTED:
            yield ", ".join(way), f"{len(value)} of them"
        case list() if any(isinstance(inner, dict | list) for inner in value):
            for number, inner in enumerate(value, 1):
                yield from _flat(inner, (*way, str(number)))
        case list():
            yield ", ".join(way), ", ".join(map(str, value))
        case _:
            yield ", ".join(way), str(value)
