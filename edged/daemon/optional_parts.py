"""The parts that the configuration may ask for beside the main job, as those see them that run them."""

from collections.abc import Callable

from edged.config.settings import Settings


class OptionalParts:
    """The calls that the parts want from time to time."""

    def __init__(self) -> None:
        """Begin without parts."""
        self.on_tick: list[Callable[[], object]] = []
        self.on_settings: list[Callable[[Settings], object]] = []
        self.on_close: list[Callable[[], object]] = []

    def tick(self) -> None:
        """Do what is due; called several times a second."""
        for call in self.on_tick:
            call()

    def apply_settings(self, settings: Settings) -> None:
        """Go on with another configuration."""
        for call in self.on_settings:
            call(settings)

    def close(self) -> None:
        """End the parts; what they have submitted to disks is done after that."""
        for call in self.on_close:
            call()
