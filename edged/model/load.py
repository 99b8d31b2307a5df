"""Loading of a model: a runtime, an interpreter on it, the family that decodes it, its labels."""

import hashlib
import logging
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from edged.config.settings import ModelSettings
from edged.errors import ModelError, RegistryError
from edged.interfaces import Interpreter, ModelFamily
from edged.model.encode import Encoder
from edged.model.labels import (
    adapt_advice,
    describe_label_source,
    explain_missing_labels,
    find_labels,
    is_configured,
)
from edged.model.refusal.message import refuse_kind, refuse_unknown, shorten_name
from edged.model.refusal.yolo_kinds import find_refused_kind
from edged.registry import FAMILIES, INTERPRETERS, load_driver
from edged.types import UNNAMED_LABELS, ModelSignature

_log = logging.getLogger(__name__)

_AUTO_RUNTIMES = ("litert", "tflite")


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A loaded model.

    Attributes:
        interpreter: holds the model and its delegate; close it when done.
        family: decodes the model's outputs.
        encoder: makes the model's inputs; one thread may use it.
        labels: by index; a class id plus the family's `class_offset` is an index.
        name: the file's own name and version, as ``coco-ssd@1.0``, or its stem.
        settings: the settings it was loaded with.
    """

    interpreter: Interpreter
    family: ModelFamily
    encoder: Encoder
    labels: tuple[str, ...]
    name: str
    settings: ModelSettings = field(default_factory=ModelSettings)

    @cached_property
    def sha256(self) -> str:
        """The sha256 of its file, as 64 hex digits.

        Raises:
            ModelError: the file cannot be read.
        """
        return self.settings.sha256 or _hash_file(self.settings.resolve_file())

    def label_of(self, class_id: int) -> str:
        """Return the class's label; ``class-<id>`` if it has none."""
        index = class_id + self.family.class_offset
        label = self.labels[index] if 0 <= index < len(self.labels) else ""
        return f"class-{class_id}" if label in UNNAMED_LABELS else label


def load_model(settings: ModelSettings) -> Model:
    """Open the configured model in this process, which the file can crash or hang.

    Raises:
        ModelError: the file or the labels cannot be read, the file's sha256 is not `ModelSettings.sha256`, the runtime refuses it, or no family fits.
        DelegateError: the delegate cannot be loaded, or its device is absent.
        RegistryError: the runtime or family does not exist, or the runtime is not installed.
    """
    path = settings.resolve_file()
    if settings.sha256 is not None:
        _check_digest(path, settings.sha256)
    interpreter = _open_interpreter(settings, path)
    try:
        metadata = interpreter.signature.metadata
        labels = find_labels(settings, metadata, path)
        family, labels = _fit_labels(settings, interpreter.signature, labels, path)
        if missing := None if labels else explain_missing_labels(metadata):
            _log.warning("%s: %s; set model.labels_file", path, missing)
        title = "@".join(filter(None, (metadata.name, metadata.version)))
        return Model(
            interpreter=interpreter,
            family=family,
            encoder=Encoder(family.input, interpreter.share_input()),
            labels=labels,
            name=title if metadata.name else path.stem,
            settings=settings,
        )
    except BaseException:
        interpreter.close()
        raise


def runtime_names(settings: ModelSettings) -> tuple[str, ...]:
    """Return the runtimes that may run the configured model, in the order in which they are tried."""
    return _AUTO_RUNTIMES if settings.runtime == "auto" else (settings.runtime,)


def find_family(signature: ModelSignature, path: Path, family: str = "auto") -> ModelFamily:
    """Return the first family that recognises a model, or the named family if it does.

    Args:
        signature: the model's inputs, outputs, operators and metadata.
        path: the model file, for the message.
        family: name of a family, or ``auto``.

    Raises:
        ModelError: no family fits; the message names the kind of the model or the family that it comes nearest to, and the
            error's notes have the tensors and the reason of each family.
        RegistryError: the named family does not exist.
    """
    refused = find_refused_kind(signature)
    if refused is not None:
        raise refuse_kind(refused, signature, path)
    reasons: dict[str, str] = {}
    for name in FAMILIES if family == "auto" else (family,):
        match = load_driver(FAMILIES, name).match(signature)
        if not isinstance(match, str):
            matched: ModelFamily = match
            return matched
        reasons[name] = match
    raise refuse_unknown(signature, path, reasons)


def _fit_labels(
    settings: ModelSettings, signature: ModelSignature, labels: tuple[str, ...], path: Path
) -> tuple[ModelFamily, tuple[str, ...]]:
    """Find the family of a model with its labels; without them if they are only guessed and do not fit."""
    labelled = _with_labels(signature, labels)
    try:
        return find_family(labelled, path, settings.family), labels
    except ModelError as error:
        family = _find_family_without_labels(signature, path, settings.family) if labels else None
        if family is None:
            raise
        if signature.metadata.are_labels_guessed and not is_configured(settings):
            return family, ()
        clause = adapt_advice(settings, str(type(family).match(labelled)))
        source = describe_label_source(settings, signature.metadata)
        raise ModelError(
            f"{source} are not those of the model {shorten_name(path.name)}: {clause}"
        ) from error


def _find_family_without_labels(
    signature: ModelSignature, path: Path, name: str
) -> ModelFamily | None:
    try:
        return find_family(_with_labels(signature, ()), path, name)
    except ModelError:
        return None


def _with_labels(signature: ModelSignature, labels: tuple[str, ...]) -> ModelSignature:
    return replace(signature, metadata=replace(signature.metadata, labels=labels))


def _open_interpreter(settings: ModelSettings, path: Path) -> Interpreter:
    failures = []
    for runtime in runtime_names(settings):
        try:
            interpreter: Interpreter = load_driver(INTERPRETERS, runtime)(
                path,
                threads=settings.threads,
                delegate=settings.delegate,
                delegate_options=settings.delegate_options,
                custom_ops=settings.custom_ops,
            )
        except RegistryError as error:
            failures.append(str(error))
        else:
            return interpreter
    raise RegistryError("no model runtime can be used: " + "; ".join(failures))


def _check_digest(path: Path, sha256: str) -> None:
    digest = _hash_file(path)
    if digest != sha256:
        raise ModelError(f"{path} is not the expected file: its sha256 is {digest}, not {sha256}")


def _hash_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror or error}") from error
