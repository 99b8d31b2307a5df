"""The outbox: every message that leaves the daemon gets its header here, is queued, and is published.

There are three kinds of messages:

- *spooled* (events, gap records): numbered, kept until the publisher has acknowledged them, published in order, at most 20 unacknowledged at a time;
- *retained* (status, info, health, ...): only the newest of each topic matters; it is published when it changes, and first on every connection;
- *live* (detections): published while a connection keeps up, otherwise dropped and counted; the newest of each topic waits for up to a second.

One thread uses the outbox: the supervisor calls it, and so does the publisher, from the supervisor's loop. If the broker refuses a message
(an access rule, a quota), the spooled messages stay queued, and are retried from the first one after a pause: the order is kept, and the
broker is not flooded. The pause also holds over a new connection, because some brokers end the connection with the refusal. A message that
can never pass (it is above the broker's size limit) is replaced by a gap record. What the publisher has received is passed on.
"""

from collections.abc import Callable, Sequence

from edged.clock import NS_PER_S, Clock, Deadline
from edged.interfaces import (
    ConsumerClosed,
    Delivered,
    LinkChanged,
    MessageReceived,
    Notice,
    OutgoingMessage,
    Publisher,
    PublishLimited,
    RoomAvailable,
    SubscriptionRefused,
)
from edged.messaging.contract.commands import Reply
from edged.messaging.contract.device import LinkState, SpoolState
from edged.messaging.contract.header import Header, Stamper, encode
from edged.messaging.contract.messages import Event, FrameDetections, OnlineStatus
from edged.messaging.contract.topics import Topics
from edged.messaging.live_messages import LiveMessages
from edged.messaging.replies import PendingReplies
from edged.messaging.restrictions import Restrictions
from edged.messaging.retained import RetainedMessages
from edged.messaging.spool import Rank, Spool
from edged.messaging.spooled_messages import SpooledMessages

_MIN_TICK_S = 0.05
_STATUS_RESEND_S = 180.0
"""The will of an earlier connection is published at most 1.5 keep-alives after that connection broke. A broker publishes it before it
accepts the same client again, but not if the client id was changed, or across a cluster: then a second `online` corrects it."""

Notify = Callable[[MessageReceived | ConsumerClosed], None]
"""Takes the notices that do not concern messages to be sent."""
Birth = Callable[[], Sequence[OutgoingMessage]]
Connect = Callable[[Birth, OutgoingMessage, Callable[[Notice], None]], Publisher]
"""Makes the publisher from its birth messages, its will, and the function that receives its notices."""


class Outbox:
    """The queue and the publisher of one device's messages."""

    def __init__(
        self, *, spool: Spool, stamper: Stamper, clock: Clock, connect: Connect, notify: Notify
    ) -> None:
        """Prepare the publisher, without connecting.

        Args:
            spool: the device's queue.
            stamper: fills in headers.
            clock: the clock of pauses.
            connect: makes the publisher.
            notify: called with each received message, and when the only consumer is gone, from a callback of the loop.
        """
        self._spool = spool
        self._stamper = stamper
        self._clock = clock
        self._notify = notify
        self._topics = Topics(stamper.identity.device)
        self._retained = RetainedMessages(self._topics, stamper)
        self._retained.put(OnlineStatus(status="online"))
        self._live = LiveMessages(self._topics, clock)
        self._replies: PendingReplies | None = None
        """None until a command was answered."""
        self._spooled = SpooledMessages(spool, clock)
        self._is_sending = False
        """True within `_send`, which a disk that answers at once would enter again."""
        self._is_link_up = False
        self._connect_count = 0
        self._last_error: str | None = None
        self._restrictions = Restrictions()
        self._status_resend_deadline: Deadline | None = None
        self._tick_due_ns = 0
        will = self._retained.make_outgoing(OnlineStatus(status="offline"))
        spool.call_on_change(self._send_pending)
        self._publisher = connect(self._retained.take_birth_messages, will, self._on_notice)

    def start(self) -> None:
        """Start to connect, in the background."""
        self._publisher.start()

    def queue_event(self, event: Event) -> None:
        """Queue an event until it is acknowledged."""
        rank = Rank.UPDATE if event.type == "update" else Rank.EVENT
        topic = self._topics.of(event)
        self._spool.append(rank, topic, lambda seq: encode(self._stamper.stamp(event, seq)))
        self._send_pending()

    def publish_detections(self, message: FrameDetections) -> None:
        """Publish one frame's detections, or drop them if there is no connection."""
        payload = encode(self._stamper.stamp(message)) if self._is_link_up else b""
        self.publish_live(message.camera, payload)

    def publish_live(self, camera: str, payload: bytes) -> None:
        """Publish one frame's `FrameDetections`, encoded with its header, or drop it if there is no connection."""
        if not self._is_link_up:
            self._live.dropped_count += 1
            return
        self._live.publish(camera, payload, self._publisher.publish)

    def publish_unspooled(self, message: OutgoingMessage) -> bool:
        """Publish a message once; return False if the connection does not take it."""
        return self._is_link_up and self._publisher.publish(message)

    def reply(
        self, reply: Reply, response_topic: str | None = None, correlation: bytes | None = None
    ) -> None:
        """Publish the reply to a command on ``up/reply``, and on the topic that its sender has named.

        Args:
            reply: the reply.
            response_topic: the sender's topic; None if it has named none.
            correlation: what the answer on that topic carries.
        """
        payload = encode(self._stamper.stamp(reply))
        own = OutgoingMessage(topic=self._topics.of(reply), payload=payload, qos=1)
        self._replies = self._replies or PendingReplies(self._clock)
        self._replies.add(own, response_topic, correlation)
        self._send_pending()

    def retain(self, message: Header | OutgoingMessage) -> None:
        """Make `message` the newest of its topic; does nothing if it equals the previous one. One for other programs has no header, and its topic in it."""
        self._retained.put(message)
        self._send_pending()

    def resend_retained(self) -> None:
        """Send the newest message of each retained topic once more."""
        self._retained.resend_all()
        self._send_pending()

    @property
    def next_tick_s(self) -> float:
        """Seconds within which `tick` must be called again."""
        return max(0.0, (self._tick_due_ns - self._clock.monotonic_ns()) / NS_PER_S)

    def tick(self) -> None:
        """Retry, resend and expire messages when each is due, and publish those that wait; does nothing while nothing is due.

        Raises:
            SpoolError: another daemon now uses the spool's folder.
        """
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._tick_due_ns:
            return
        spool_s = self._spool.tick()
        if self._status_resend_deadline is not None and self._status_resend_deadline.expired:
            self._status_resend_deadline = None
            self._retained.resend(OnlineStatus(status="online"))
        self._spooled.resume_if_due()
        self._send_pending()
        deadline = self._status_resend_deadline
        status_s = None if deadline is None else deadline.remaining_s
        waits_s = (spool_s, status_s, self._spooled.pause_s)
        next_s = max(min(wait for wait in waits_s if wait is not None), _MIN_TICK_S)
        self._tick_due_ns = now_ns + int(next_s * NS_PER_S)

    def spool_state(self) -> SpoolState:
        """Return the queue's state for `DeviceHealth`."""
        age_s = self._spool.oldest_age_s
        return SpoolState(
            depth=self._spool.depth,
            size_bytes=self._spool.size_bytes,
            oldest_age_s=None if age_s is None else round(age_s, 3),
            fault=self._spool.fault or "",
        )

    def link_state(self) -> LinkState:
        """Return the connection's state for `DeviceHealth`."""
        return LinkState(
            connects=self._connect_count,
            last_error=self._last_error or "",
            detections_dropped=self._live.dropped_count,
        )

    def list_problems(self) -> dict[str, str | None]:
        """Return the detail of each condition of the outbox, by name; None while it does not hold. A lost connection is none: it takes `up/health` with it."""
        return {
            "publish_limited": self._restrictions.publish_limits,
            "publish_refused": self._spooled.refusal_reason,
            "spool": self._spool.fault or self._spool.damage,
            "subscription_refused": self._restrictions.refused_subscriptions,
        }

    def close(self, timeout_s: float, final: Sequence[Header] = ()) -> int:
        """Publish the final messages (`final`, the cameras', `offline`) within `timeout_s` seconds of the loop, and disconnect; return how many messages the disk did not take."""
        self._is_link_up = False
        self._publisher.close(self._retained.make_final_messages(final), timeout_s)
        return self._spool.close()

    def _on_notice(self, notice: Notice) -> None:
        match notice:
            case Delivered():
                self._on_delivered(notice)
            case RoomAvailable():
                self._live.send(self._publisher.publish)
                self._send_pending()
            case LinkChanged():
                self._on_link(notice)
            case SubscriptionRefused() | PublishLimited():
                self._restrictions.record(notice)
            case MessageReceived() | ConsumerClosed():
                self._notify(notice)

    def _on_link(self, link: LinkChanged) -> None:
        self._spooled.end_connection()
        self._is_link_up = link.up
        self._restrictions.end_connection()
        if not link.up:
            self._last_error = link.reason
            self._live.drop()
            return
        self._connect_count += 1
        self._status_resend_deadline = Deadline(self._clock, _STATUS_RESEND_S)
        self._spooled.begin_connection()
        self._send_pending()

    def _on_delivered(self, delivered: Delivered) -> None:
        self._last_error = self._spooled.record_outcome(delivered) or self._last_error
        self._send_pending()

    def _send_pending(self) -> None:
        """Publish the waiting messages, if the connection and the back-off allow it."""
        self._tick_due_ns = 0  # what waits for the disk, and when, may have changed
        if not self._is_link_up or self._is_sending:
            return
        self._is_sending = True
        self._send()
        self._is_sending = False

    def _send(self) -> None:
        self._retained.send_unsent(self._publisher.publish)
        if self._replies is not None:
            self._replies.send(self._publisher.publish)
        if not self._spooled.send(self._publisher.publish):
            self._is_link_up = False
