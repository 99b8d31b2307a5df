"""The web process's end of the channel to the supervisor: requests with answers, and the messages that the device publishes."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeVar

import msgspec

from edged.errors import PacketError
from edged.web.feed import MessageFeed
from edged.web.messages import (
    FROM_WEB,
    MAX_PACKET_BYTES,
    TO_WEB,
    CommandCall,
    CommandReply,
    PicturePart,
    PictureRefused,
    PictureWanted,
    Ping,
    Pong,
    Published,
    StoredPictureWanted,
    ToWeb,
    WebJob,
    WebReady,
    WebRequest,
)
from edged.web.metrics_messages import MetricsSample, MetricsWanted

AnswerT = TypeVar("AnswerT")

_PING_TIMEOUT_S = 2.0
_PICTURE_TIMEOUT_S = 10.0
_COMMAND_TIMEOUT_S = 60.0
_METRICS_TIMEOUT_S = 2.0


class SupervisorSilentError(Exception):
    """The supervisor did not answer in time, or takes no requests at the moment."""


class PictureRefusedError(Exception):
    """The supervisor refused a picture.

    Attributes:
        code: a fixed word, as ``policy``.
    """

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        super().__init__(reason)


class SupervisorLink:
    """The channel, in the event loop of asyncio."""

    def __init__(
        self, channel: socket.socket, feed: MessageFeed, on_closed: Callable[[], object]
    ) -> None:
        """Listen from `start` on.

        Args:
            channel: our end, not blocking.
            feed: gets what the device publishes.
            on_closed: called when the supervisor has closed its end.
        """
        self._channel = channel
        self._feed = feed
        self._on_closed = on_closed
        self._numbers = count(1)
        self._open: dict[int, asyncio.Future[ToWeb]] = {}
        self._parts: dict[int, list[bytes]] = {}

    def start(self) -> None:
        """Read what the supervisor sends, from now on."""
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self._read)

    def report_ready(self, faults: Sequence[str]) -> None:
        """Report that this process serves, and what it cannot serve."""
        with contextlib.suppress(OSError):
            self._channel.send(FROM_WEB.encode(WebReady(faults=tuple(faults))))

    async def ping(self) -> None:
        """Return when the supervisor has answered.

        Raises:
            SupervisorSilentError: it has not within two seconds.
        """
        await self._request(Ping(number=next(self._numbers)), Pong, _PING_TIMEOUT_S)

    async def sample_metrics(self) -> MetricsSample:
        """Return what the supervisor has counted.

        Raises:
            SupervisorSilentError: it has not answered within two seconds.
        """
        wanted = MetricsWanted(number=next(self._numbers))
        return await self._request(wanted, MetricsSample, _METRICS_TIMEOUT_S)

    async def execute(self, verb: str, args: bytes) -> bytes:
        """Execute a command; return its reply, JSON.

        Args:
            verb: the command's name.
            args: its arguments, JSON.

        Raises:
            SupervisorSilentError: there was no reply in time.
        """
        call = CommandCall(number=next(self._numbers), verb=verb, args=msgspec.Raw(args))
        return bytes((await self._request(call, CommandReply, _COMMAND_TIMEOUT_S)).reply)

    async def take_picture(
        self, camera: str, *, annotate: bool, max_width: int, quality: int
    ) -> bytes:
        """Take a picture; return the JPEG.

        Args:
            camera: name of the camera.
            annotate: draw boxes and labels.
            max_width: largest width, pixels.
            quality: quality of the JPEG, 1..100.

        Raises:
            PictureRefusedError: there is no picture, and why.
            SupervisorSilentError: none came in time.
        """
        wanted = PictureWanted(
            number=next(self._numbers),
            camera=camera,
            annotate=annotate,
            max_width=max_width,
            quality=quality,
        )
        return await self._receive_picture(wanted)

    async def read_picture(self, event_id: str) -> bytes:
        """Return the kept JPEG of an object.

        Args:
            event_id: id of the object, as in its events.

        Raises:
            PictureRefusedError: there is no picture, and why.
            SupervisorSilentError: none came in time.
        """
        return await self._receive_picture(
            StoredPictureWanted(number=next(self._numbers), event_id=event_id)
        )

    async def _receive_picture(self, wanted: PictureWanted | StoredPictureWanted) -> bytes:
        self._parts[wanted.number] = []
        try:
            answer = await self._request(wanted, (PicturePart, PictureRefused), _PICTURE_TIMEOUT_S)
            if isinstance(answer, PictureRefused):
                raise PictureRefusedError(answer.code, answer.reason)
            return b"".join(self._parts[wanted.number])
        finally:
            del self._parts[wanted.number]

    async def _request(
        self,
        question: WebRequest,
        kind: type[AnswerT] | tuple[type[AnswerT], ...],
        timeout_s: float,
    ) -> AnswerT:
        future: asyncio.Future[ToWeb] = asyncio.get_running_loop().create_future()
        self._open[question.number] = future
        try:
            self._channel.send(FROM_WEB.encode(question))
            answer = await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            raise SupervisorSilentError(f"the daemon is silent for {timeout_s:g} s") from None
        except (OSError, PacketError) as error:
            raise SupervisorSilentError(f"the daemon cannot be asked: {error}") from None
        finally:
            del self._open[question.number]
        assert isinstance(answer, kind)  # noqa: S101 (the supervisor keeps to the protocol)
        return answer

    def _read(self) -> None:
        try:
            packet = self._channel.recv(MAX_PACKET_BYTES)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._on_closed()
            return
        self._process(TO_WEB.decode(packet))

    def _process(self, message: ToWeb) -> None:
        match message:
            case Published():
                self._feed.add(message.topic, bytes(message.message))
            case PicturePart(number=number, jpeg=jpeg, is_last=is_last):
                if number in self._parts:
                    self._parts[number].append(jpeg)
                    if is_last:
                        self._answer(number, message)
            case WebJob():
                pass  # it is the first message, and was read before
            case _:
                self._answer(message.number, message)

    def _answer(self, number: int, message: ToWeb) -> None:
        future = self._open.get(number)
        if future is not None and not future.done():
            future.set_result(message)
