"""Trying a model file in a process of its own, seen from the outside.

A model file is not trusted: the interpreters die by a signal on a share of damaged files, and some hang. Here that is a
`ModelError` with a sentence. The inside is `edged.workers.selftest`.
"""

import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from edged.config.codec import decode_path, encode_path
from edged.config.settings import ModelSettings
from edged.errors import (
    ConfigError,
    DelegateError,
    EdgedError,
    InvokeError,
    ModelError,
    RegistryError,
)
from edged.types import InputSpec, ModelSignature
from edged.workers.child import describe_exit, spawn

MAX_PACKET_BYTES = 131_072
_KILL_S = 5.0
_ERRORS: dict[str, type[EdgedError]] = {
    kind.__name__: kind
    for kind in (ConfigError, DelegateError, InvokeError, ModelError, RegistryError)
}


class Request(Struct, frozen=True, kw_only=True):
    """What is to be tried, and how."""

    settings: ModelSettings
    image: Path | None = None
    min_score: float = 0.5
    repeats: int = 20


class Finding(Struct, frozen=True, kw_only=True):
    """One detection; `box` is [x1, y1, x2, y2] in fractions of the picture."""

    label: str
    class_id: int
    score: float
    box: tuple[float, float, float, float]


class ModelReport(Struct, frozen=True, kw_only=True, tag="report"):
    """What a model is, and how it did.

    Attributes:
        name: as `edged.pipeline.model.Model` has it.
        family: the name of the family that reads it.
        runtime: name and version.
        delegate: what the graph runs on; "" if the reference kernels.
        input: how it is fed.
        signature: its tensors and metadata; without operators and labels, which follow.
        ops: how many there are of each operator.
        labels: by index.
        invoke_ms_p50: median time of an invocation.
        invoke_ms_p95: 95th percentile of the same.
        detections: in the picture, best first; empty without a picture.
    """

    name: str
    family: str
    runtime: str
    delegate: str
    input: InputSpec
    signature: ModelSignature
    ops: dict[str, int]
    labels: tuple[str, ...]
    invoke_ms_p50: float
    invoke_ms_p95: float
    detections: tuple[Finding, ...] = ()


class Refusal(Struct, frozen=True, kw_only=True, tag="refusal"):
    """The model was refused: `kind` is the name of one of edged's errors."""

    kind: str
    message: str


_encoder = msgspec.json.Encoder(enc_hook=encode_path)
_requests = msgspec.json.Decoder(Request, dec_hook=decode_path)
_answers: msgspec.json.Decoder[ModelReport | Refusal] = msgspec.json.Decoder(ModelReport | Refusal)


def pack(message: Request | ModelReport | Refusal) -> bytes:
    """A message -> one packet.

    Raises:
        ModelError: it is larger than a packet may be.
    """
    packet = _encoder.encode(message)
    if len(packet) > MAX_PACKET_BYTES:
        raise ModelError(
            f"what there is to say of the model takes {len(packet)} bytes; {MAX_PACKET_BYTES} are allowed"
        )
    return packet


def unpack_request(packet: bytes) -> Request:
    """The parent's packet -> what is to be tried."""
    return _requests.decode(packet)


class Tryout:
    """A self-test child, started when first needed, and again after a model has taken it down."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def try_model(self, request: Request, *, timeout_s: float) -> ModelReport:
        """Load and try one model.

        Raises:
            ModelError: it was refused, crashed the child, did not finish in time, or made the child answer nonsense.
            DelegateError: the delegate cannot be loaded, or its device is absent.
            InvokeError: the runtime failed on a picture.
            RegistryError: no such runtime or family, or the runtime is not installed.
            ConfigError: the picture cannot be read.
        """
        path = request.settings.path or "the bundled model"
        try:
            packet = self._ask(pack(request), timeout_s)
        except TimeoutError:
            self.close()
            raise ModelError(f"{path} was not done in {timeout_s:g} s and was stopped") from None
        except OSError:
            packet = b""
        if not packet:
            raise ModelError(f"{path} crashed the interpreter: its process {self._end()}")
        try:
            answer = _answers.decode(packet)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.close()
            raise ModelError(f"{path} made its process answer nonsense: {error}") from None
        if isinstance(answer, Refusal):
            raise _ERRORS.get(answer.kind, ModelError)(answer.message)
        return answer

    def close(self) -> None:
        """Stop the child; it holds nothing worth waiting for."""
        if self._child:
            self._child.kill()
            self._end()

    def _ask(self, packet: bytes, timeout_s: float) -> bytes:
        if self._channel is None:
            self._child, self._channel = spawn("edged.workers.selftest")
        self._channel.settimeout(timeout_s)
        self._channel.send(packet)
        return self._channel.recv(MAX_PACKET_BYTES + 1)

    def _end(self) -> str:
        """Wait for the end of the child, and say what it was."""
        child, channel = self._child, self._channel
        self._child = self._channel = None
        if channel:
            channel.close()
        if child is None:
            return "did not start"
        try:
            return describe_exit(child.wait(_KILL_S))
        except subprocess.TimeoutExpired:
            child.kill()
            return describe_exit(child.wait())


def try_model(
    settings: ModelSettings,
    *,
    image: Path | None = None,
    min_score: float = 0.5,
    timeout_s: float = 60.0,
) -> ModelReport:
    """Try one model in a child of its own; raises what `Tryout.try_model` raises."""
    with Tryout() as tryout:
        return tryout.try_model(
            Request(settings=settings, image=image, min_score=min_score), timeout_s=timeout_s
        )
