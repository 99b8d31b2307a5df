"""The requests and responses of the control socket: one JSON object per packet."""

from typing import Literal

from msgspec import Struct, field

from edged.errors import PacketError, UpdateError
from edged.ipc.packets import PacketCodec
from edged.updates.rules.ledger import Deployment, DeploymentRecord, DeploymentRequest

MAX_PACKET_BYTES = 262_144

VersionRole = Literal["current", "previous", "candidate", "factory", "stored"]


class StatusRequest(Struct, frozen=True, kw_only=True, tag="status"):
    """Report the status of the models."""


class InstallRequest(Struct, frozen=True, kw_only=True, tag="install"):
    """Install a bundle.

    Attributes:
        request: the bundle, and how it is installed.
    """

    request: DeploymentRequest


class CommitRequest(Struct, frozen=True, kw_only=True, tag="commit"):
    """End the trial now, and commit the model."""


class RollbackRequest(Struct, frozen=True, kw_only=True, tag="rollback"):
    """End the deployment in flight; without one, go back to the previous model.

    Attributes:
        reason: why, in words; default text if empty.
    """

    reason: str = ""


class CollectGarbageRequest(Struct, frozen=True, kw_only=True, tag="gc"):
    """Remove versions and downloads that are not needed."""


ControlRequest = (
    StatusRequest | InstallRequest | CommitRequest | RollbackRequest | CollectGarbageRequest
)


class VersionStatus(Struct, frozen=True, kw_only=True):
    """A model on this device.

    Attributes:
        role: its role on this device; ``stored`` for a version without one, which garbage collection removes.
        title: ``name@version``; the name of the file for the factory model; "" if it is damaged.
        digest: sha256 of its manifest; "" for the factory model.
        counter: counter in the manifest.
        epoch: security epoch in the manifest.
        size_bytes: size of all its files.
        model_sha256: sha256 of its .tflite for the CPU.
        family: its model family; "" if unknown.
        licence: an SPDX expression; "" if unknown.
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
    """The status of the models on this device.

    Attributes:
        daemon: a daemon runs; without one, no trial takes place.
        pinned: the configured path: the file that ``model.path`` names, and that no update replaces; "" if the setting is absent.
        active_model: ``name@version`` of the model that the workers run; "" if none runs.
        versions: the versions on the device, the committed one first.
        deployment: the deployment in flight.
        progress: progress of its present state, 0..1.
        past: the latest records, newest last.
        epoch: minimum security epoch.
        denied: versions that failed and are not installed again, with the reason, by digest.
        sequence: sequence number of the latest desired state that was followed.
        disk_silent_s: how long the store's disk has not answered, seconds: the rest is as it was before; 0 if it answers.
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
    disk_silent_s: float = 0.0


class ControlResponse(Struct, frozen=True, kw_only=True):
    """The response to a request.

    Attributes:
        status: the status after it.
        error: why the request was refused; "" if it was not.
        changed: the request changed something.
        id: ID of the deployment that it began or ended; "" if there is none.
        removed: digests of the versions that were removed.
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
