"""The refusal of a model that no family fits: one short sentence with the reason that matters, and the rest as notes."""

from collections.abc import Mapping
from pathlib import Path

from edged.errors import ModelError
from edged.model.refusal.kinds import explain_kind
from edged.model.refusal.nearest import find_nearest_family
from edged.model.refusal.yolo_kinds import UnsupportedKind
from edged.types import ModelSignature, TensorInfo

MAX_MESSAGE_CHARS = 200
_MAX_NAME_CHARS = 48


def refuse_kind(kind: UnsupportedKind, signature: ModelSignature, path: Path) -> ModelError:
    """Return the error for a model of a kind that edged does not run.

    Args:
        kind: the kind.
        signature: the model's signature, for the notes.
        path: the model file.
    """
    advice = f"; {kind.advice}" if kind.advice else ""
    return _make_error(
        f"{_shorten_name(path)} is a model for {kind.name}, which edged does not run: {kind.evidence}{advice}",
        _describe(signature),
    )


def refuse_unknown(signature: ModelSignature, path: Path, reasons: Mapping[str, str]) -> ModelError:
    """Return the error for a model that no family fits.

    Args:
        signature: the model's signature.
        path: the model file.
        reasons: the clause of each family that was tried, by its name.
    """
    notes = (*_describe(signature), *(f"not {name}: {reason}" for name, reason in reasons.items()))
    kind = explain_kind(signature)
    if kind is not None and len(reasons) > 1:
        error = refuse_kind(kind, signature, path)
        return _make_error(str(error), notes)
    nearest = find_nearest_family(signature)
    if nearest is None or nearest not in reasons:
        nearest = next(iter(reasons))
    return _make_error(
        f"{_shorten_name(path)} fits no supported family; not {nearest}: {reasons[nearest]}", notes
    )


def _make_error(message: str, notes: tuple[str, ...]) -> ModelError:
    if len(message) > MAX_MESSAGE_CHARS:
        message = message[: MAX_MESSAGE_CHARS - 1] + "…"
    error = ModelError(message)
    for note in notes:
        error.add_note(note)
    return error


def _describe(signature: ModelSignature) -> tuple[str, ...]:
    return (
        f"inputs: {_describe_tensors(signature.inputs)}",
        f"outputs: {_describe_tensors(signature.outputs)}",
    )


def _describe_tensors(tensors: tuple[TensorInfo, ...]) -> str:
    return ", ".join(f"{tensor.dtype} {list(tensor.shape)}" for tensor in tensors) or "none"


def _shorten_name(path: Path) -> str:
    """Return the file's name, cut in its middle if it is long: the message has room for the reason."""
    name = path.name
    if len(name) <= _MAX_NAME_CHARS:
        return name
    half = (_MAX_NAME_CHARS - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
