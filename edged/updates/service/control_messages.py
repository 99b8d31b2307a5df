"""What is asked of a device's models over the local socket, and what is answered: one JSON object a packet, each way."""

from typing import Literal

import msgspec
from msgspec import Struct, field

from edged.errors import UpdateError
from edged.updates.rules.ledger import Deployment, Past, Request

MAX_PACKET_BYTES = 262_144

Role = Literal["current", "previous", "candidate", "factory", "kept"]


class Status(Struct, frozen=True, kw_only=True, tag="status"):
    """How things are."""


class Install(Struct, frozen=True, kw_only=True, tag="install"):
    """Take this bundle."""

    request: Request


class Commit(Struct, frozen=True, kw_only=True, tag="commit"):
    """End the trial: keep the model."""


class RollBack(Struct, frozen=True, kw_only=True, tag="rollback"):
    """Call off what is in flight; without that, go back to the previous model."""

    reason: str = ""


class Collect(Struct, frozen=True, kw_only=True, tag="gc"):
    """Remove what is not needed any more."""


Question = Status | Install | Commit | RollBack | Collect


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

    role: Role
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
        looking: ``name@version`` of the model that looks now; "" if none does.
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
    looking: str = ""
    versions: tuple[VersionStatus, ...] = ()
    deployment: Deployment | None = None
    progress: float = 0.0
    past: tuple[Past, ...] = ()
    epoch: int = 0
    denied: dict[str, str] = field(default_factory=dict)
    sequence: int = 0


class Answer(Struct, frozen=True, kw_only=True):
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


_questions: msgspec.json.Decoder[Question] = msgspec.json.Decoder(Question)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def pack(message: Question | Answer) -> bytes:
    """A message -> one packet."""
    return msgspec.json.encode(message)


def unpack_question(packet: bytes) -> Question:
    """A packet -> the question.

    Raises:
        UpdateError: it is none.
    """
    try:
        return _questions.decode(packet)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpdateError(f"that is no question: {error}") from None


def unpack_answer(packet: bytes) -> Answer:
    """A packet -> the answer.

    Raises:
        UpdateError: it is none.
    """
    try:
        return _answers.decode(packet)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpdateError(f"the daemon's answer cannot be read: {error}") from None
