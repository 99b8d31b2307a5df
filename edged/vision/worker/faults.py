"""The kind of a fault, for the supervisor: the model's own, or of what it runs on."""

from edged.errors import DelegateError, EdgedError, InvokeError, ModelError
from edged.vision.messages import FaultKind


def classify_error(error: EdgedError) -> FaultKind:
    """Return the kind of the fault that an error reports."""
    match error:
        case DelegateError():
            return "delegate"
        case ModelError():
            return "model"
        case InvokeError():
            return "invoke"
        case _:
            return "internal"


def classify_load_error(error: EdgedError) -> FaultKind:
    """Return the kind of the fault that kept a model from being loaded; a file that cannot be read is the disk's fault, not the model's."""
    return (
        "internal" if isinstance(error.__cause__, OSError | MemoryError) else classify_error(error)
    )
