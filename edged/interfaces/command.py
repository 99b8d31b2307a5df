"""The interface of a command: a driver that carries out one verb, on the device that it gets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from edged.config.overrides import CameraOverrides
    from edged.config.settings import Settings

ErrorCode = Literal[
    "malformed",
    "unknown_verb",
    "not_allowed",
    "invalid_args",
    "id_reused",
    "expired",
    "not_found",
    "refused",
    "busy",
    "failed",
    "timeout",
]
ResultValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Done:
    """A command was executed.

    Attributes:
        result: what it returns, by name.
    """

    result: dict[str, ResultValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """A command was not executed, or failed.

    Attributes:
        code: the kind of error.
        message: the reason in words, and what to do.
    """

    code: ErrorCode
    message: str


Outcome = Done | Refused
Finish = Callable[[Outcome], None]
"""Takes the outcome of a command, once, in the loop's thread."""


class Device(Protocol):
    """The device, as commands use it. Nothing waits: what takes time reports through `finish`."""

    @property
    def settings(self) -> "Settings":
        """The configuration in use, with what commands have switched."""

    def find_labels(self, camera: str) -> tuple[str, ...]:
        """Return the labels of the model that runs on a camera's frames; () until one runs."""

    def switch(self, camera: str, change: "Callable[[CameraOverrides], CameraOverrides]") -> None:
        """Change what commands have switched for a camera, and apply it."""

    def take_snapshot(self, camera: str, options: "SnapshotOptions", finish: Finish) -> None:
        """Take a picture, and publish it as the camera's snapshot."""

    def keep_example(self, camera: str, finish: Finish) -> None:
        """Keep what a camera sees now as a hard example."""

    def reload(self, finish: Finish) -> None:
        """Read the configuration's files again."""

    def run_self_test(self, finish: Finish) -> None:
        """Test the active model in a sandboxed process."""

    def roll_back_model(self, reason: str, finish: Finish) -> None:
        """End the deployment in flight; without one, go back to the previous model."""

    def install_update(self, finish: Finish) -> None:
        """Install the version that the update channel offers."""

    def restart(self, finish: Finish) -> None:
        """End the daemon once the reply is sent, so that it starts again."""


class SnapshotOptions(Struct, frozen=True, kw_only=True):
    """The options of a snapshot; what is None is as in ``[images]``.

    Attributes:
        annotate: draw boxes and labels.
        max_width: largest width, pixels.
        quality: quality of the JPEG, 1 to 100.
    """

    annotate: bool | None = None
    max_width: int | None = None
    quality: int | None = None


class Command(Protocol):
    """A driver that carries out one verb. One thread uses it, that of the loop; it never blocks."""

    Args: ClassVar[type[Struct]]
    """The arguments, with their descriptions; unknown ones are refused."""
    summary: ClassVar[str]
    """What the command does, in one sentence, for the documentation."""

    def execute(self, args: Any, device: Device, finish: Finish) -> None:
        """Carry out the command.

        Args:
            args: an instance of `Args`.
            device: the device.
            finish: takes the outcome.
        """
