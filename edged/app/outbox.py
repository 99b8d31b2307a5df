"""Everything that leaves the daemon goes through here: header, spool, publisher.

Three kinds of messages:

- *spooled* (events, gap records): numbered, kept until the publisher has acknowledged them, handed over in order, at
  most 20 at a time;
- *retained* (status, info, health, ...): only the newest of each topic matters; it is published when it changes and, by
  `birth`, first thing on every connection;
- *live* (detections): published if there is a connection, else dropped and counted.

One thread, the supervisor's, calls every method but `birth`. A refusal (an access rule, a quota) stops the spooled
messages, which stay where they are; they are tried again from the first one after a pause: order is kept and the
broker is left in peace.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from edged.clock import Clock, Deadline
from edged.contract.header import Header, Stamper, encode
from edged.contract.messages import CameraState, Event, FrameDetections, Gap, Status
from edged.contract.topics import Topics
from edged.interfaces import Delivered, Link, Outgoing, Publisher
from edged.spool import Loss, Rank, Spool

IN_FLIGHT = 20
_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 300.0
_STATUS_AGAIN_S = 180.0
"""The will of an earlier connection fires at the latest 1.5 keep-alives after that died. A broker publishes it before it accepts
the same client again, but not if the client id was changed, or across a cluster: `online` said once more heals that."""

_log = logging.getLogger(__name__)

Birth = Callable[[], Sequence[Outgoing]]
Connect = Callable[[Birth, Outgoing], Publisher]
"""Makes the publisher, given its birth messages and its will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxState:
    """How the outbox is.

    Attributes:
        depth: spooled messages that wait for their acknowledgement.
        size_bytes: of their payloads.
        oldest_age_s: running time since the first of them was made; None if there is none.
        fault: why the disk is not in use; "" if it is.
        link_up: whether the publisher is connected.
        connects: connections since the start.
        last_error: the last loss or refusal, in words; "" if there was none.
        refused: why spooled messages are refused at present; "" if they are not.
        live_dropped: live messages that found no connection.
    """

    depth: int
    size_bytes: int
    oldest_age_s: float | None
    fault: str
    link_up: bool
    connects: int
    last_error: str
    refused: str
    live_dropped: int


@dataclass(slots=True)
class _Kept:
    """The newest message of a retained topic: without its header, in broker form, and whether it was handed over."""

    body: Header
    message: Outgoing
    sent: bool = False


def gap_writer(topics: Topics, stamper: Stamper) -> Callable[[int, Loss], tuple[str, bytes]]:
    """What a `Spool` needs to tell of a loss: topic and payload of the gap record with a number."""

    def write(seq: int, loss: Loss) -> tuple[str, bytes]:
        gap = Gap(reason=loss.reason, ranges=loss.ranges, count=loss.count)
        return topics.gap, encode(stamper.stamp(gap, seq))

    return write


class Outbox:
    """See the module."""

    def __init__(self, *, spool: Spool, stamper: Stamper, clock: Clock, connect: Connect) -> None:
        self._spool = spool
        self._stamper = stamper
        self._clock = clock
        self._topics = Topics(stamper.identity.device)
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._unseen_connection = False
        self._link_up = False
        self._connects = 0
        self._last_error = ""
        self._refused = ""
        self._live_dropped = 0
        self._in_flight: set[int] = set()
        self._pause_s = 0.0
        self._pause: Deadline | None = None
        self._status_again: Deadline | None = None
        will = self._retained(self._topics.status, Status(status="offline"))
        self._publisher = connect(self.birth, will)
        self.announce("online")

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._publisher.start()

    def announce(self, status: Literal["online", "stopping"]) -> None:
        """Publish the daemon's status."""
        self.retain(self._topics.status, Status(status=status))

    def send_event(self, event: Event) -> int:
        """Queue an event until it is acknowledged; its sequence number."""
        rank = Rank.UPDATE if event.type == "update" else Rank.EVENT
        seq = self._spool.append(
            rank,
            self._topics.events(event.camera),
            lambda seq: encode(self._stamper.stamp(event, seq)),
        )
        self._pump()
        return seq

    def send_detections(self, message: FrameDetections) -> None:
        """Publish one frame's detections now or never."""
        outgoing = Outgoing(
            topic=self._topics.detections(message.camera),
            payload=encode(self._stamper.stamp(message)),
        )
        if not (self._link_up and self._publisher.publish(outgoing)):
            self._live_dropped += 1

    def retain(self, topic: str, message: Header) -> None:
        """Make `message` the newest of its topic; does nothing if it says the same as the last one."""
        with self._lock:
            kept = self._kept.get(topic)
            if kept is not None and kept.body == message:
                return
            self._kept[topic] = _Kept(message, self._retained(topic, message))
        self._pump()

    def birth(self) -> Sequence[Outgoing]:
        """The newest of each retained topic, status first. Called on every connection, by the publisher's thread."""
        with self._lock:
            self._unseen_connection = True
            for kept in self._kept.values():
                kept.sent = True
            return [kept.message for kept in self._kept.values()]

    def on_link(self, link: Link) -> None:
        """The publisher's connection changed."""
        self._in_flight.clear()
        self._link_up = link.up
        if not link.up:
            self._last_error = link.reason
            return
        with self._lock:
            self._unseen_connection = False
        self._connects += 1
        self._pause = None
        self._status_again = Deadline(self._clock, _STATUS_AGAIN_S)
        self._spool.rewind()
        self._pump()

    def on_delivered(self, delivered: Delivered) -> None:
        """The broker answered for one message."""
        self._in_flight.discard(delivered.token)
        if delivered.error:
            self._hold(delivered.error)
        else:
            self._spool.ack(delivered.token)
            if self._pause is None:
                self._refused, self._pause_s = "", 0.0
        self._pump()

    def tick(self) -> float:
        """Do what is due; the seconds after which this wants to be called again, at the latest."""
        waits = [self._spool.tick()]
        if self._status_again is not None and self._status_again.expired:
            self._status_again = None
            self._say_status_again()
        if self._pause is not None and self._pause.expired and not self._in_flight:
            self._pause = None
            self._spool.rewind()
        self._pump()
        deadlines = [d for d in (self._pause, self._status_again) if d is not None]
        return min(waits + [max(d.remaining_s, 0.01) for d in deadlines])

    def status(self) -> OutboxState:
        """How the outbox is, for health."""
        return OutboxState(
            depth=self._spool.depth,
            size_bytes=self._spool.size_bytes,
            oldest_age_s=self._spool.oldest_age_s,
            fault=self._spool.fault,
            link_up=self._link_up,
            connects=self._connects,
            last_error=self._last_error,
            refused=self._refused,
            live_dropped=self._live_dropped,
        )

    @property
    def idle(self) -> bool:
        """Whether everything spooled has been acknowledged."""
        return self._spool.depth == 0

    def leave(self, timeout_s: float) -> None:
        """Say the last words (every camera's state as offline and empty, then `offline`) and disconnect.

        The publisher's last reports may still lie in the inbox: give them to `on_delivered` before `close`, or what they
        acknowledge is sent again by the next run.
        """
        self._link_up = False
        with self._lock:
            bodies = {topic: kept.body for topic, kept in self._kept.items()}
        last_words = [
            self._retained(topic, CameraState(camera=body.camera, online=False))
            for topic, body in bodies.items()
            if isinstance(body, CameraState)
        ]
        last_words.append(self._retained(self._topics.status, Status(status="offline")))
        self._publisher.close(last_words, timeout_s)

    def close(self) -> None:
        """Keep on disk what is not acknowledged, and let go of it."""
        self._spool.close()

    def _retained(self, topic: str, message: Header) -> Outgoing:
        payload = encode(self._stamper.stamp(message))
        return Outgoing(topic=topic, payload=payload, qos=1, retain=True)

    def _say_status_again(self) -> None:
        with self._lock:
            self._kept[self._topics.status].sent = False

    def _hold(self, reason: str) -> None:
        """Stop handing over spooled messages for a while."""
        if reason != self._refused:
            _log.warning("messages are refused and kept: %s", reason)
        self._refused = self._last_error = reason
        if self._pause is None:
            self._pause_s = min(max(_PAUSE_S, 2 * self._pause_s), _LONGEST_PAUSE_S)
            self._pause = Deadline(self._clock, self._pause_s)

    def _pump(self) -> None:
        """Hand over what may be handed over."""
        with self._lock:
            if not self._link_up or self._unseen_connection:
                return
            unsent = [kept for kept in self._kept.values() if not kept.sent]
        for kept in unsent:
            if not self._publisher.publish(kept.message):
                return
            kept.sent = True
        if self._pause is not None:
            return
        for item in self._spool.next_unsent(IN_FLIGHT - len(self._in_flight)):
            outgoing = Outgoing(topic=item.topic, payload=item.payload, qos=1)
            if not self._publisher.publish(outgoing, token=item.seq):
                self._link_up = False
                return
            self._in_flight.add(item.seq)
