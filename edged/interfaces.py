"""What a driver must be. Each protocol has one contract test that runs over its whole registry."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from edged.clock import Clock
from edged.types import Detections, Fit, Frame, InputSpec, ModelSignature


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraInfo:
    """What an open camera says of itself.

    Attributes:
        width: of its frames, pixels.
        height: of its frames, pixels.
        fps: frames a second it means to deliver; 0.0 if unknown.
        lossless: it waits for its consumer (a replay at full speed): nothing is to be dropped.
        description: driver and device in words, for `up/info`.
    """

    width: int
    height: int
    fps: float
    lossless: bool = False
    description: str = ""


class Camera(Protocol):
    """A source of frames. One thread uses it: the same that opened it.

    Constructed cheaply, as ``Driver(name, settings, clock)`` with an instance of its own `Settings`. It may be opened again after `close`.
    """

    Settings: ClassVar[type[msgspec.Struct]]
    """The driver's own keys in ``[camera.NAME]``; frozen, keyword-only, every field documented by ``Meta(description=...)``."""

    def __init__(self, name: str, settings: msgspec.Struct, clock: Clock) -> None:
        """Touch nothing yet."""

    def open(self) -> CameraInfo:
        """Take hold of the device, within a bounded time.

        Raises:
            CameraError: it is absent, busy, refused; the message says which device and what to do.
        """

    def grab(self, timeout_s: float) -> Frame:
        """Wait for the next frame; the pixels belong to the caller.

        Raises:
            CameraTimeoutError: none came within `timeout_s`.
            CameraError: the device is lost; it must be closed and opened again.
            EndOfStreamError: a finite source has ended.
        """

    def close(self) -> None:
        """Let go of the device; never raises, may be called twice."""


class Interpreter(Protocol):
    """A loaded model on a runtime."""

    signature: ModelSignature
    runtime: str
    """Name and version, as ``litert 2.3.0``."""
    delegate: str
    """What the graph runs on, as ``XNNPACK`` or ``edgetpu (libedgetpu.so.1)``; "" if the reference kernels."""

    def invoke(self, array: NDArray[np.generic]) -> tuple[NDArray[np.generic], ...]:
        """Run the model on one input tensor.

        Returns:
            Copies of the outputs, in the order of `signature.outputs`, not dequantised.

        Raises:
            InvokeError: the runtime or the delegate's device failed.
        """

    def close(self) -> None:
        """Free the model and the delegate's device."""


class ModelFamily(Protocol):
    """How one kind of model is fed and read. Pure: no I/O, no state between frames."""

    name: ClassVar[str]
    """As in the registry."""
    input: InputSpec
    class_offset: int
    """Add to a class id to index the label list: 1 where the labels begin with a background entry that the model does not report."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model from what its file says.

        Returns:
            The family made for that model, or one clause that says why it does not fit.
        """

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Read one invocation's outputs.

        Args:
            outputs: as `Interpreter.invoke` gave them.
            fit: how the frame was fitted; boxes are mapped back to the frame by it.
            min_score: detections below it are left out.

        Raises:
            ModelError: the outputs are nonsense (NaN, class ids out of range).
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message in broker form.

    Attributes:
        topic: complete.
        payload: JSON or JPEG bytes.
        qos: 0 or 1.
        retain: whether the broker keeps it.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The state of a publisher's connection changed. `reason` says why, in words, when it is down."""

    up: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The broker answered for the message handed over with `token`: `error` is "" if it took it, else its reason."""

    token: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message came in.

    Attributes:
        topic: complete.
        payload: as it came: nobody has looked at it.
        retained: the broker kept it from before; False if it was sent just now.
    """

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """Nothing will come in for this topic filter as long as the connection lasts; `reason` says why, in words."""

    topic: str
    reason: str


Notice = LinkChanged | Delivered | MessageReceived | SubscriptionRefused
"""What a publisher tells."""


class Publisher(Protocol):
    """A way out, and for a few topics a way in. Never blocks its caller; answers come through `on_notice`, from any thread."""

    Settings: ClassVar[type[msgspec.Struct]]
    """The keys of the config's table of the same name."""

    def __init__(
        self,
        settings: msgspec.Struct,
        *,
        device: str,
        birth: Callable[[], Sequence[OutgoingMessage]],
        will: OutgoingMessage | None,
        on_notice: Callable[[Notice], None],
        subscriptions: Sequence[str] = (),
    ) -> None:
        """Connect to nothing yet.

        Args:
            settings: an instance of `Settings`.
            device: the device's name, for the client id.
            birth: asked on every (re-)connection, from the publisher's thread, for what to publish before anything else.
            will: what the broker publishes for us when we are gone.
            on_notice: told of every `LinkChanged` change, every `Delivered` and all that is heard; must return at once.
            subscriptions: filters of the topics to hear, on every connection anew; nothing that is published here may match one.
                A publisher that has no way in hears nothing.
        """

    def start(self) -> None:
        """Begin to connect, in the background; a broker that is down is no error."""

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        """Hand one message over.

        With a token the outcome is told by `Delivered`; messages handed over but unanswered when the link breaks get
        no `Delivered`: who gave them hands them over again after the next `LinkChanged(up=True)`.

        Returns:
            False if there is no connection and the message was not taken.
        """

    def close(self, final_messages: Sequence[OutgoingMessage], timeout_s: float) -> None:
        """Publish `final_messages`, wait for their acknowledgement within `timeout_s`, and disconnect cleanly (no will)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A file on its way here.

    Attributes:
        offset_bytes: where `chunks` begins: behind what is here, or at 0 if that is of no use.
        total_bytes: of the whole file; None if nobody says.
        etag: names this state of the file; with it a later transfer can go on. "" if none can.
        chunks: the content from there to the end, as it comes; it raises what `Fetcher.fetch` raises.
    """

    offset_bytes: int
    total_bytes: int | None
    etag: str
    chunks: Iterator[bytes]


class Fetcher(Protocol):
    """A way to get a file that is somewhere else."""

    def __init__(self, clock: Clock) -> None:
        """Touch nothing yet."""

    def fetch(
        self, url: str, *, offset_bytes: int, etag: str, max_bytes: int
    ) -> AbstractContextManager[Transfer]:
        """Begin to fetch, or go on; breaks are bridged while the pieces are read, as long as that makes sense.

        Args:
            url: of the file; what is told of it to others leaves out credentials.
            offset_bytes: so much of it is here.
            etag: of the state of the file that this is a part of; "" if nobody knows: then all of it comes anew.
            max_bytes: of the whole file.

        Raises:
            DownloadError: it does not come; that may pass.
            BundleError: it is larger than that.
            UpdateError: it is not there, or may not be had; or what is needed to fetch it is not installed.
        """
