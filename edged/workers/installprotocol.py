"""What the child that brings a bundle in says to the daemon, as JSON, one message a packet."""

from msgspec import Struct


class Progress(Struct, frozen=True, kw_only=True, tag="progress"):
    """How far it is with what it does now.

    Attributes:
        state: what it has come to, or is coming to.
        done_bytes: of that.
        total_bytes: of that; 0 if nobody knows.
    """

    state: str
    done_bytes: int = 0
    total_bytes: int = 0

    @property
    def fraction(self) -> float:
        """0..1; 0 if nobody knows."""
        return min(self.done_bytes / self.total_bytes, 1.0) if self.total_bytes else 0.0
