"""What the daemon and the child that brings a bundle in say to each other, as JSON, one message a packet."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field

from edged.config.settings import ModelSettings, UpdateSettings
from edged.ipc.packets import PacketCodec

MAX_PACKET_BYTES = 131_072
"""A little over what a job takes whose desired state is as large as may be."""


class InstallJob(Struct, frozen=True, kw_only=True, tag="job"):
    """Daemon to child, once, at its start: all that it needs to know.

    Attributes:
        store_root: of the model store.
        model: how this device runs models.
        updates: whose signatures count, and what disk space stays free.
        is_device_free: nobody uses the delegate's device.
        desired_envelope: what the channel said, an envelope that nobody has looked into; b"" to go on with the deployment in flight.
    """

    store_root: Path
    model: ModelSettings
    updates: UpdateSettings = field(default_factory=UpdateSettings)
    is_device_free: bool = False
    desired_envelope: Annotated[bytes, Meta(max_length=65_536)] = b""


class InstallProgress(Struct, frozen=True, kw_only=True, tag="progress"):
    """Child to daemon: how far it is with what it does now.

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


class InstallFinished(Struct, frozen=True, kw_only=True, tag="finished"):
    """Child to daemon, its last message: the ledger says how far it came. `error` says what does not stand there; "" if all does."""

    error: Annotated[str, Meta(max_length=4096)] = ""


TO_INSTALLER: PacketCodec[InstallJob] = PacketCodec(InstallJob, max_bytes=MAX_PACKET_BYTES)
FROM_INSTALLER: PacketCodec[InstallProgress | InstallFinished] = PacketCodec(
    InstallProgress | InstallFinished, max_bytes=MAX_PACKET_BYTES
)
