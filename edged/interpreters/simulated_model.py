"""What a simulated model is: the colours that it knows, and what it does wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct, field
from msgspec.structs import asdict, replace

from edged.errors import DelegateError, ModelError

COLOURS = ("red", "green", "blue")
_MAX_BYTES = 65_536

_Count = Annotated[int, Meta(ge=0)]
_Milliseconds = Annotated[float, Meta(ge=0.0)]


class InjectedFaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each ``_after`` counts the invocations that still go well.

    Attributes:
        open_ms: slept while the model is loaded.
        latency_ms: slept in each invocation.
        noise: that share of what there is to find is missed, and as much is found where nothing is; another each time.
        fail_after: then each raises.
        hang_after: then one never returns.
        crash_after: then one aborts the process.
        nan_after: then each score is not a number.
        flood_after: then hundreds of boxes are found.
        blind_after: then nothing is found.
        slow_after: only then is `latency_ms` slept.
    """

    open_ms: _Milliseconds = 0.0
    latency_ms: _Milliseconds = 0.0
    noise: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    fail_after: _Count | None = None
    hang_after: _Count | None = None
    crash_after: _Count | None = None
    nan_after: _Count | None = None
    flood_after: _Count | None = None
    blind_after: _Count | None = None
    slow_after: _Count = 0


class SimulatedModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that stands for a model, as JSON, so that a simulated model can be bundled and installed as a real one.

    Attributes:
        name: of the model.
        version: of it.
        labels: the colours that it finds, each class id at its place.
        faults: what it does wrong.
    """

    name: str = "simulated"
    version: str = "1"
    labels: Annotated[tuple[str, ...], Meta(min_length=1)] = COLOURS
    faults: InjectedFaults = field(default_factory=InjectedFaults)

    def __post_init__(self) -> None:
        if unknown := set(self.labels) - set(COLOURS):
            raise ValueError(f"it finds {', '.join(COLOURS)}, but no {min(unknown)}")


def load_simulated_model(path: Path | None, options: Mapping[str, str]) -> SimulatedModel:
    """What the file says, if it is one that stands for a model, and then what the options say.

    Raises:
        ModelError: the file stands for a model, and is wrong.
        DelegateError: an option is not known, or impossible.
    """
    made = _read_model(path)
    try:
        told = msgspec.convert({**asdict(made.faults), **options}, InjectedFaults, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(InjectedFaults.__struct_fields__)
        raise DelegateError(
            f"an option of the simulated interpreter: {error}; there are: {known}"
        ) from error
    return replace(made, faults=told)


def is_due(after: int | None, invocations: int) -> bool:
    """Whether a fault that has its time after so many invocations has come."""
    return invocations >= (np.inf if after is None else after)


def _read_model(path: Path | None) -> SimulatedModel:
    """Any other file is as good as none: the simulated interpreter runs them all."""
    if path is None or not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return SimulatedModel()
    content = path.read_bytes()
    if not content.startswith(b"{"):
        return SimulatedModel()
    try:
        return msgspec.json.decode(content, type=SimulatedModel)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is no simulated model: {error}") from error
