"""The refusal of a model that no family fits: one short sentence with the reason that matters, and the rest as notes."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edged.errors import DelegateError, InvokeError, ModelError, list_notes
from edged.model.refusal.kinds import describe_shapes, explain_kind
from edged.model.refusal.nearest import find_nearest_family
from edged.model.refusal.yolo_kinds import UnsupportedKind
from edged.types import ModelSignature, TensorInfo

MAX_MESSAGE_CHARS = 190
"""With what a command writes before it, as its name, at most 200."""
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
        f"{shorten_name(path.name)} is a model for {kind.name}, which edged does not run: {kind.evidence}{advice}",
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
    nearest = find_nearest_family(signature) if len(reasons) > 1 else next(iter(reasons))
    if nearest is None or nearest not in reasons:
        return _make_error(
            f"{shorten_name(path.name)} fits no supported family: {describe_shapes(signature)}",
            notes,
        )
    return _make_error(
        f"{shorten_name(path.name)} fits no supported family; not {nearest}: {reasons[nearest]}",
        notes,
    )


@contextmanager
def short_messages(files: Iterable[Path]) -> Iterator[None]:
    """Shorten the message of an error that leaves the block; the whole message becomes a note.

    Args:
        files: files whose paths the message may name; their names stay.

    Raises:
        ModelError: in place of one with a longer message, and of the same type.
        InvokeError: in place of one with a longer message.
    """
    try:
        yield
    except DelegateError:
        raise  # no refusal of the model: the driver's reason and the advice stand at the end
    except (ModelError, InvokeError) as error:
        message = str(error)
        if len(message) <= MAX_MESSAGE_CHARS:
            raise
        for path in files:
            message = message.replace(str(path), shorten_name(path.name))
        short = type(error)(_cut(message))
        for note in (str(error), *list_notes(error)):
            short.add_note(note)
        raise short from error


def shorten_name(name: str) -> str:
    """Return a name of a file or model, cut in its middle if it is long: a message has room for the reason."""
    if len(name) <= _MAX_NAME_CHARS:
        return name
    half = (_MAX_NAME_CHARS - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _cut(message: str) -> str:
    if len(message) <= MAX_MESSAGE_CHARS:
        return message
    return message[: MAX_MESSAGE_CHARS - 1] + "…"


def _make_error(message: str, notes: tuple[str, ...]) -> ModelError:
    error = ModelError(_cut(message))
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
