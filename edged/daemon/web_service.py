"""The supervisor's side of the web process, which serves the page and the metrics.

The supervisor holds the listening sockets and waits for a connection. The first one starts the web process, which inherits the sockets, gets a
copy of every message, and ends itself after a minute without requests. So what nobody looks at costs a watched socket. The process holds
nothing worth saving: when it dies, the next connection starts another.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import msgspec

from edged.backoff import Backoff
from edged.config.settings import Settings
from edged.daemon.recent_log import RecentLog
from edged.daemon.web_listeners import WebListeners
from edged.errors import PacketError, WorkerError
from edged.event_loop import EventLoop, Timer
from edged.ipc.streaming_child import StreamingChild
from edged.messaging.observed_outbox import ObservedOutbox
from edged.web.messages import (
    FROM_WEB,
    MAX_CHUNK_BYTES,
    TO_WEB,
    WEB_MODULE,
    CommandCall,
    CommandReply,
    FromWeb,
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
from edged.web.metrics_messages import CameraSample, MetricsSample, MetricsWanted

_log = logging.getLogger(__name__)

_MAX_MESSAGES = 32
"""Read in one pass of the loop; the others wait in the socket."""
_FIRST_WAIT_S, _MAX_WAIT_S = 0.5, 30.0
_GOOD_EXIT = "exited with 0"

OnReply = Callable[[bytes], object]
"""Takes a command's reply, JSON."""


class OnPicture(Protocol):
    """Takes a picture, or why there is none."""

    def __call__(self, jpeg: bytes, code: str = "", reason: str = "") -> object:
        """Take a JPEG; an empty one has a code and a reason."""


@dataclass(frozen=True, slots=True)
class WebCalls:
    """The calls of the web process.

    Attributes:
        execute: executes a command: its verb, its arguments as JSON, and what takes the reply.
        take_picture: takes a picture.
        sample_cameras: returns the cameras' counts, by name.
        read_picture: reads the kept picture of an object, by the id of its events.
    """

    execute: Callable[[str, bytes, OnReply], object]
    take_picture: Callable[[PictureWanted, OnPicture], object]
    sample_cameras: Callable[[], dict[str, CameraSample]]
    read_picture: Callable[[str, OnPicture], object]


class WebService:
    """The web process, while there is one, and the sockets that it serves."""

    def __init__(
        self,
        job: WebJob,
        settings: Settings,
        *,
        loop: EventLoop,
        outbox: ObservedOutbox,
        calls: WebCalls,
        on_problem: Callable[[str | None], object],
        recent_log: RecentLog,
    ) -> None:
        """Open nothing yet: `start` does.

        Args:
            job: what the web process gets, without its sockets.
            settings: the configuration.
            loop: the supervisor's loop.
            outbox: shows its messages.
            calls: what the web process can ask for.
            on_problem: called with the reason why something cannot be served; None once all is.
            recent_log: the daemon's log.
        """
        self._job = job
        self._loop = loop
        self._outbox = outbox
        self._calls = calls
        self._up = f"edged/v1/{job.device}/up/"
        self._child: StreamingChild[ToWeb, FromWeb] | None = None
        self._backoff = Backoff(initial_s=_FIRST_WAIT_S, max_s=_MAX_WAIT_S, min_share=0.5)
        self._retry: Timer | None = None
        self._is_closed = self._is_ready = False
        tables = {"page": settings.page.listen, "metrics": settings.metrics.listen}
        self._listeners = WebListeners(
            {purpose: address for purpose, address in tables.items() if address},
            loop=loop,
            on_connection=self._start_child,
            on_problem=partial(self._report, "addresses"),
        )
        self._on_problem = on_problem
        self._problems: dict[str, str | None] = {}
        self._recent_log = recent_log

    def start(self) -> None:
        """Listen, and wait for a connection."""
        self._listeners.open()
        self._listeners.watch()

    def close(self) -> None:
        """Close the sockets, and end the process."""
        self._is_closed = True
        self._outbox.observe(None)
        self._listeners.close()
        if self._retry is not None:
            self._retry.cancel()
        if self._child is not None:
            self._child.kill()

    def _start_child(self) -> None:
        self._listeners.unwatch()
        listeners = self._listeners.inheritable
        try:
            child: StreamingChild[ToWeb, FromWeb] = StreamingChild.start(
                WEB_MODULE,
                loop=self._loop,
                sent=TO_WEB,
                received=FROM_WEB,
                first_message=msgspec.structs.replace(self._job, listeners=listeners),
                pass_fds=[listener.descriptor for listener in listeners],
            )
        except WorkerError as error:
            self._wait(str(error))
            return
        self._child = child
        child.watch(self._read, self._on_exit)
        self._is_ready = False
        self._outbox.observe(self._show)
        for line in self._recent_log.lines:
            self._show_line(line)
        self._recent_log.on_line = lambda line: self._loop.call_soon(lambda: self._show_line(line))

    def _on_exit(self, reason: str) -> None:
        self._child = None
        self._outbox.observe(None)
        self._recent_log.on_line = lambda _: None
        if self._is_closed:
            return
        if reason == _GOOD_EXIT:
            self._backoff.reset()
            self._listeners.watch()
            return
        if not self._is_ready:
            self._report("process", f"the web process {reason}; the log says why")
        self._wait(f"the web process {reason}")

    def _wait(self, reason: str) -> None:
        wait_s = self._backoff.next_wait_s()
        _log.warning("%s; the next connection after %.1f s starts another", reason, wait_s)
        self._retry = self._loop.call_later(wait_s, self._listeners.watch)

    def _show_line(self, line: bytes) -> None:
        self._send(Published(topic="log", message=msgspec.Raw(line)))

    def _report(self, subject: str, problem: str | None) -> None:
        self._problems[subject] = problem
        self._on_problem("; ".join(filter(None, self._problems.values())) or None)

    def _show(self, topic: str, payload: bytes) -> None:
        """Hand a message of the outbox on; of all but events only the newest of a topic counts."""
        short = topic.removeprefix(self._up)
        replaces = None if short.endswith("/events") else short
        self._send(Published(topic=short, message=msgspec.Raw(payload)), replaces)

    def _send(self, message: ToWeb, replaces: str | None = None) -> None:
        if self._child is None:
            return
        try:
            self._child.send(message, replaces=replaces)
        except PacketError as error:
            _log.warning("not sent to the web process: %s", error)

    def _read(self) -> None:
        for _ in range(_MAX_MESSAGES):
            if self._child is None or (message := self._child.read()) is None:
                return
            self._process(message)

    def _process(self, message: FromWeb) -> None:
        if isinstance(message, WebReady):
            self._is_ready = True
            self._report("process", "; ".join(message.faults) or None)
        else:
            self._answer(message)

    def _answer(self, message: WebRequest) -> None:
        number, child = message.number, self._child

        def answer(message: ToWeb) -> None:
            if self._child is child:  # not another one, that counts from 1 again
                self._send(message)

        match message:
            case Ping():
                answer(Pong(number=number))
            case MetricsWanted():
                answer(MetricsSample(number=number, cameras=self._calls.sample_cameras()))
            case CommandCall(verb=verb, args=args):
                self._calls.execute(
                    verb,
                    bytes(args),
                    lambda reply: answer(CommandReply(number=number, reply=msgspec.Raw(reply))),
                )
            case PictureWanted():
                self._calls.take_picture(message, partial(_answer_picture, answer, number))
            case StoredPictureWanted(event_id=event_id):
                self._calls.read_picture(event_id, partial(_answer_picture, answer, number))


def _answer_picture(
    answer: Callable[[ToWeb], object], number: int, jpeg: bytes, code: str = "", reason: str = ""
) -> None:
    if not jpeg:
        answer(PictureRefused(number=number, code=code, reason=reason))
    for start in range(0, len(jpeg), MAX_CHUNK_BYTES):
        end = start + MAX_CHUNK_BYTES
        answer(PicturePart(number=number, jpeg=jpeg[start:end], is_last=end >= len(jpeg)))
