"""Checks of the model's labels and of the settings that name them, without a model runtime."""

from collections.abc import Iterator
from dataclasses import dataclass

from edged.config.label_names import check_label_names, class_names
from edged.config.people_hint import explain_missing_people
from edged.config.problems import KeyPath, KeyProblem
from edged.config.settings import ModelSettings, Settings
from edged.errors import ModelError
from edged.families.label_count import find_class_offset
from edged.model.file.graph import read_graph
from edged.model.file.metadata import read_metadata
from edged.model.labels import (
    adapt_advice,
    explain_missing_labels,
    find_labels,
    is_configured,
    read_configured_labels,
)
from edged.types import FileMetadata, ModelSignature

_SIMULATED = "simulated"
"""The runtime whose model need not be a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelProblems:
    """What is wrong with the labels.

    Attributes:
        problems: what must be fixed.
        warnings: what may be a mistake.
    """

    problems: tuple[KeyProblem, ...] = ()
    warnings: tuple[KeyProblem, ...] = ()


def check_labels(settings: Settings) -> LabelProblems:
    """Check the label list, as far as the files show it, and the labels that settings name.

    If the model can be replaced by an update, a label that the configured model does not have is only a warning.
    """
    model = settings.model
    metadata = _read_metadata(model)
    try:
        labels = _find_labels(model, metadata)
    except ModelError as error:
        return LabelProblems(problems=(_label_problem(model, str(error)),))
    if labels is None:
        return LabelProblems()
    problems = tuple(_check_count(model, labels))
    if problems:
        return LabelProblems(problems=problems)
    unknown = tuple(check_label_names(settings, class_names(labels)))
    warnings = (*_check_embedded(model, labels, metadata), *_check_people(settings, labels))
    if settings.updates.trust is not None:
        return LabelProblems(warnings=(*warnings, *unknown))
    return LabelProblems(problems=unknown, warnings=warnings)


def _read_metadata(model: ModelSettings) -> FileMetadata | None:
    """Return the metadata in the model file; None if it cannot be read, which running the model reports."""
    if model.runtime == _SIMULATED:
        return None
    try:
        return read_metadata(model.resolve_file())
    except ModelError:
        return None


def _find_labels(model: ModelSettings, metadata: FileMetadata | None) -> tuple[str, ...] | None:
    """Return the labels; None if they are not known.

    Raises:
        ModelError: a label list cannot be read.
    """
    if metadata is None or (metadata.are_labels_guessed and not is_configured(model)):
        return read_configured_labels(model) or None
    return find_labels(model, metadata, model.resolve_file())


def _check_count(model: ModelSettings, labels: tuple[str, ...]) -> Iterator[KeyProblem]:
    """Yield a problem if an SSD has another number of classes; the other models must be loaded for that."""
    if model.runtime == _SIMULATED:
        return
    try:
        options = read_graph(model.resolve_file()).postprocess
    except ModelError:
        return
    signature = ModelSignature(inputs=(), outputs=(), metadata=FileMetadata(labels=labels))
    found = find_class_offset(signature, (options and options.num_classes) or None)
    if isinstance(found, str):
        clause = adapt_advice(model, found)
        yield _label_problem(model, f"the labels are not those of the model: {clause}")


def _check_embedded(
    model: ModelSettings, labels: tuple[str, ...], metadata: FileMetadata | None
) -> Iterator[KeyProblem]:
    missing = None if labels or metadata is None else explain_missing_labels(metadata)
    if missing:
        key_path, hint = _label_key(model), "set model.labels_file"
        yield KeyProblem(key_path=key_path, message=missing, hint=hint)


def _check_people(settings: Settings, labels: tuple[str, ...]) -> Iterator[KeyProblem]:
    """Yield a hint if the model that is configured finds no people; an update may have installed another."""
    if settings.updates.trust is None and (
        hint := explain_missing_people(settings, settings.camera, labels)
    ):
        yield KeyProblem(key_path=("model",), message=hint)


def _label_problem(model: ModelSettings, message: str) -> KeyProblem:
    return KeyProblem(key_path=_label_key(model), message=message)


def _label_key(model: ModelSettings) -> KeyPath:
    if model.labels:
        return ("model", "labels")
    if model.labels_file is not None:
        return ("model", "labels_file")
    return ("model",) if model.path is None else ("model", "path")
