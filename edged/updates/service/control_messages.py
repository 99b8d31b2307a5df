"""What is asked of a device's models over the local socket, and what is answered: one JSON object a packet, each way."""

from typing import Literal

from msgspec import Struct, field

from edged.errors import PacketError, UpdateError
from edged.ipc.packets import PacketCodec
from edged.updates.rules.ledger import Deployment, DeploymentRecord, DeploymentRequest

MAX_PACKET_BYTES = 262_144

VersionRole = Literal["current", "previous", "candidate", "factory", "kept"]


class StatusRequest(Struct, frozen=True, kw_only=True, tag="status"):
    """How things are."""


class InstallRequest(Struct, frozen=True, kw_only=True, tag="install"):
    """Take this bundle."""

    request: DeploymentRequest


class CommitRequest(Struct, frozen=True, kw_only=True, tag="commit"):
    """End the trial: keep the model."""


class RollbackRequest(Struct, frozen=True, kw_only=True, tag="rollback"):
    """Call off what is in flight; without that, go back to the previous model."""

    reason: str = ""


class CollectGarbageRequest(Struct, frozen=True, kw_only=True, tag="gc"):
    """Remove what is not needed any more."""


ControlRequest = (
    StatusRequest | InstallRequest | CommitRequest | RollbackRequest | CollectGarbageRequest
)


class VersionStatus(Struct, frozen=True, kw_only=True):
    """A model on this device.

    Attributes:
        role: what it is to the device.
        title: ``name@version``; the name of the file for the factory model.
        digest: of its manifest; "" for the factory model.
        counter: of the manifest.
        epoch: of the manifest.
        size_bytes: of all its files.
        model_sha256: of its .tflite for the CPU.
        family: how its outputs are read; "" if that is not known.
        licence: an SPDX expression; "" if that is not known.
        damage: why it cannot be used; "" if it can.
    """

    role: VersionRole
    title: str
    digest: str = ""
    counter: int = 0
    epoch: int = 0
    size_bytes: int = 0
    model_sha256: str = ""
    family: str = ""
    licence: str = ""
    damage: str = ""


class ModelStatus(Struct, frozen=True, kw_only=True):
    """How things are.

    Attributes:
        daemon: whether a daemon answers; without one, nothing is tried out.
        pinned: the file that ``model.path`` names, and that no update replaces; "" if none does.
        active_model: ``name@version`` of the model that looks now; "" if none does.
        versions: what is on the device, the one in use first.
        deployment: what is on its way in.
        progress: of its present state, 0..1.
        past: what was on its way in before, the newest last.
        epoch: the security floor.
        denied: why a version is not tried again, by its digest.
        sequence: of the channel's latest desired state.
    """

    daemon: bool
    pinned: str = ""
    active_model: str = ""
    versions: tuple[VersionStatus, ...] = ()
    deployment: Deployment | None = None
    progress: float = 0.0
    past: tuple[DeploymentRecord, ...] = ()
    epoch: int = 0
    denied: dict[str, str] = field(default_factory=dict)
    sequence: int = 0


class ControlResponse(Struct, frozen=True, kw_only=True):
    """What became of a question.

    Attributes:
        status: how things are after it.
        error: why it was not done; "" if it was.
        changed: whether anything is other than before.
        id: of the deployment that it began or ended; "" if there is none.
        removed: digests of what was removed.
    """

    status: ModelStatus
    error: str = ""
    changed: bool = False
    id: str = ""
    removed: tuple[str, ...] = ()


_request_codec: PacketCodec[ControlRequest] = PacketCodec(
    ControlRequest, max_bytes=MAX_PACKET_BYTES
)
_response_codec: PacketCodec[ControlResponse] = PacketCodec(
    ControlResponse, max_bytes=MAX_PACKET_BYTES
)


def pack(message: ControlRequest | ControlResponse) -> bytes:
    """Encode a message as one packet.

    Raises:
        PacketError: it is larger than a packet may be.
    """
    if isinstance(message, ControlResponse):
        return _response_codec.encode(message)
    return _request_codec.encode(message)


def unpack_request(packet: bytes) -> ControlRequest:
    """Decode a request.

    Raises:
        UpdateError: it is malformed.
    """
    try:
        return _request_codec.decode(packet)
    except PacketError as error:
        raise UpdateError(f"the control request is {error}") from None


def unpack_response(packet: bytes) -> ControlResponse:
    """Decode a response.

    Raises:
        UpdateError: it is malformed.
    """
    try:
        return _response_codec.decode(packet)
    except PacketError as error:
        raise UpdateError(f"the daemon's response is {error}") from None
