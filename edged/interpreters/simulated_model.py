"""The simulated model: the colours that it finds, and the faults that it has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct, field
from msgspec.structs import asdict, replace

from edged.errors import DelegateError, ModelError
from edged.text import read_content, to_utf8

COLOURS = ("red", "green", "blue")
_MAX_BYTES = 65_536

_Count = Annotated[int, Meta(ge=0)]
_Milliseconds = Annotated[float, Meta(ge=0.0)]


class InjectedFaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults on command. Each ``_after`` is the number of invocations before the fault begins; None for never.

    Attributes:
        open_ms: delay while the model is loaded, milliseconds.
        latency_ms: duration of each invocation, milliseconds: what it does not compute for, it sleeps, as for a device.
        noise: share of the objects that are missed, and of false detections that are added; random in each invocation.
        fail_after: each invocation raises.
        hang_after: an invocation never returns.
        crash_after: an invocation aborts the process.
        nan_after: each score is NaN.
        flood_after: hundreds of boxes are found.
        blind_after: nothing is found.
        slow_after: `latency_ms` begins to apply.
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
    """A JSON file in place of a model, so that a simulated model can be bundled and installed like a real one.

    Attributes:
        name: the model's name.
        version: the model's version.
        labels: the colours that it finds; index = class id.
        faults: the faults that it has.
    """

    name: str = "simulated"
    version: str = "1"
    labels: Annotated[tuple[str, ...], Meta(min_length=1)] = COLOURS
    faults: InjectedFaults = field(default_factory=InjectedFaults)

    def __post_init__(self) -> None:
        if unknown := set(self.labels) - set(COLOURS):
            raise ValueError(f"unknown label {min(unknown)}; choose from: {', '.join(COLOURS)}")


def load_simulated_model(path: Path | None, options: Mapping[str, str]) -> SimulatedModel:
    """Read the simulated model from the file, if it is one, and apply the options.

    Raises:
        ModelError: the file is JSON, but not a valid simulated model.
        DelegateError: an option is unknown or out of range.
    """
    model = _read_model(path)
    try:
        faults = msgspec.convert({**asdict(model.faults), **options}, InjectedFaults, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(InjectedFaults.__struct_fields__)
        raise DelegateError(
            f"model.delegate_options of the simulated interpreter: {error}; its options are: {known}"
        ) from error
    return replace(model, faults=faults)


def is_due(after: int | None, invocations: int) -> bool:
    """Return whether a fault that begins after `after` invocations is active; None never is."""
    return invocations >= (np.inf if after is None else after)


def _read_model(path: Path | None) -> SimulatedModel:
    """Read the file; any that is not JSON counts as the default model."""
    if path is None or not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return SimulatedModel()
    content = to_utf8(read_content(path))
    if not content.startswith(b"{"):
        return SimulatedModel()
    try:
        return msgspec.json.decode(content, type=SimulatedModel)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: not a valid simulated model: {error}") from error
