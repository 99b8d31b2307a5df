"""Everything that leaves the daemon goes through here: header, spool, publisher.

Three kinds of messages:

- *spooled* (events, gap records): numbered, kept until the publisher has acknowledged them, handed over in order, at
  most 20 at a time;
- *retained* (status, info, health, ...): only the newest of each topic matters; it is published when it changes and,
  first thing, on every connection;
- *live* (detections): published if there is a connection, else dropped and counted.

One thread, the supervisor's, calls every method. A refusal (an access rule, a quota) stops the spooled messages, which
stay where they are; they are tried again from the first one after a pause: order is kept and the broker is left in peace.
What the publisher receives passes by: its notices go to the inbox.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

from edged import registry
from edged.clock import Clock, Deadline
from edged.config.settings import Settings
from edged.errors import ConfigError
from edged.interfaces import (
    Delivered,
    LinkChanged,
    Notice,
    OutgoingMessage,
    Publisher,
    SubscriptionRefused,
)
from edged.messaging.contract.device import LinkState, SpoolState
from edged.messaging.contract.header import Header, Stamper, encode
from edged.messaging.contract.messages import Event, FrameDetections, Gap, OnlineStatus
from edged.messaging.contract.topics import Topics
from edged.messaging.refusal_backoff import RefusalBackoff
from edged.messaging.retained import RetainedMessages
from edged.messaging.spool import MessageLoss, Rank, Spool

MAX_IN_FLIGHT = 20
_MIN_TICK_S = 0.05
_STATUS_RESEND_S = 180.0
"""The will of an earlier connection fires at the latest 1.5 keep-alives after that died. A broker publishes it before it
accepts the same client again, but not if the client id was changed, or across a cluster: `online` once more heals that."""

_log = logging.getLogger(__name__)

Notify = Callable[[Notice], None]
Birth = Callable[[], Sequence[OutgoingMessage]]
Connect = Callable[[Birth, OutgoingMessage, Notify], Publisher]
"""Makes the publisher of what it publishes at birth, its will, and whom it notifies."""


class Outbox:
    """See the module."""

    def __init__(
        self, *, spool: Spool, stamper: Stamper, clock: Clock, connect: Connect, notify: Notify
    ) -> None:
        """Connect to nothing yet.

        Args:
            spool: of this device.
            stamper: fills headers.
            clock: for pauses.
            connect: makes the publisher.
            notify: is given the publisher's reports, from any thread; they are to come back by `on_link`,
                `on_delivered` and `on_unheard`.
        """
        self._spool = spool
        self._stamper = stamper
        self._clock = clock
        self._notify = notify
        self._topics = Topics(stamper.identity.device)
        self._retained = RetainedMessages(self._topics, stamper)
        self._retained.put(OnlineStatus(status="online"))
        self._acked_tokens: SimpleQueue[int] = SimpleQueue()
        self._in_flight: set[int] = set()
        self._is_link_up = False
        self._connect_count = 0
        self._last_error = ""
        self._refused_subscriptions: dict[str, str] = {}
        self._refusal_backoff = RefusalBackoff(clock)
        self._status_resend_deadline: Deadline | None = None
        self.next_tick_s = 0.0
        """`tick` wants to be called again within so many seconds."""
        self.live_dropped_count = 0
        """Detections that found no connection."""
        will = self._retained.make_outgoing(OnlineStatus(status="offline"))
        self._publisher = connect(self._retained.take_birth_messages, will, self._on_notice)

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._publisher.start()

    def queue_event(self, event: Event) -> None:
        """Queue an event until it is acknowledged."""
        rank = Rank.UPDATE if event.type == "update" else Rank.EVENT
        topic = self._topics.of(event)
        self._spool.append(rank, topic, lambda seq: encode(self._stamper.stamp(event, seq)))
        self._send_pending()

    def publish_detections(self, message: FrameDetections) -> None:
        """Publish one frame's detections now or never."""
        payload = encode(self._stamper.stamp(message))
        outgoing = OutgoingMessage(topic=self._topics.of(message), payload=payload)
        if not (self._is_link_up and self._publisher.publish(outgoing)):
            self.live_dropped_count += 1

    def retain(self, message: Header) -> None:
        """Make `message` the newest of its topic; does nothing if it says the same as the last one."""
        self._retained.put(message)
        self._send_pending()

    def announce_stopping(self) -> None:
        """Say that the daemon was asked to end."""
        self.retain(OnlineStatus(status="stopping"))

    def on_link(self, link: LinkChanged) -> None:
        """The publisher's connection changed."""
        self._in_flight.clear()
        self._is_link_up = link.up
        self._refused_subscriptions.clear()
        if not link.up:
            self._last_error = link.reason
            return
        self._retained.acknowledge_connection()
        self._connect_count += 1
        self._refusal_backoff.resume()
        self._status_resend_deadline = Deadline(self._clock, _STATUS_RESEND_S)
        self._ack_delivered()
        self._spool.rewind()
        self._send_pending()

    def on_delivered(self, delivered: Delivered) -> None:
        """The broker answered for one message."""
        self._in_flight.discard(delivered.token)
        self._ack_delivered()
        if delivered.error:
            self._last_error = delivered.error
            self._refusal_backoff.on_refusal(delivered.error)
        else:
            self._refusal_backoff.on_acceptance()
        self._send_pending()

    def on_subscription_refused(self, refusal: SubscriptionRefused) -> None:
        """The broker refuses to send something, as long as this connection lasts."""
        self._refused_subscriptions[refusal.topic] = refusal.reason

    def tick(self) -> None:
        """Do what is due."""
        spool_s = self._spool.tick()
        if self._status_resend_deadline is not None and self._status_resend_deadline.expired:
            self._status_resend_deadline = None
            self._retained.resend(OnlineStatus(status="online"))
        if self._refusal_backoff.is_pause_over and not self._in_flight:
            self._refusal_backoff.resume()
            self._spool.rewind()
        self._send_pending()
        status_s = (
            None
            if self._status_resend_deadline is None
            else self._status_resend_deadline.remaining_s
        )
        waits_s = [
            w for w in (spool_s, status_s, self._refusal_backoff.remaining_s) if w is not None
        ]
        self.next_tick_s = max(min(waits_s), _MIN_TICK_S)

    def spool_state(self) -> SpoolState:
        """For `DeviceHealth`."""
        age_s = self._spool.oldest_age_s
        return SpoolState(
            depth=self._spool.depth,
            size_bytes=self._spool.size_bytes,
            oldest_age_s=None if age_s is None else round(age_s, 3),
            fault=self._spool.fault,
        )

    def link_state(self) -> LinkState:
        """For `DeviceHealth`."""
        return LinkState(connects=self._connect_count, last_error=self._last_error)

    def list_problems(self) -> dict[str, str]:
        """What is wrong, by name; "" where nothing is. A link that is down is not among them: whoever reads of it has it."""
        return {
            "publish_refused": self._refusal_backoff.reason,
            "spool": self._spool.fault,
            "subscription_refused": "; ".join(
                f"{topic}: {why}" for topic, why in self._refused_subscriptions.items()
            ),
        }

    def close(self, timeout_s: float) -> None:
        """Say the last words, disconnect, and keep on disk what was not acknowledged."""
        self._is_link_up = False
        self._publisher.close(self._retained.make_final_messages(), timeout_s)
        self._ack_delivered()
        self._spool.close()

    def _on_notice(self, notice: Notice) -> None:
        """From the publisher's thread: an answer counts even if the daemon ends before it comes through the inbox."""
        if isinstance(notice, Delivered) and not notice.error:
            self._acked_tokens.put(notice.token)
        self._notify(notice)

    def _ack_delivered(self) -> None:
        while not self._acked_tokens.empty():
            self._spool.ack(self._acked_tokens.get())

    def _send_pending(self) -> None:
        """Hand over what may be handed over.

        Nothing goes to a connection that `on_link` has not announced: after a loss, the first message that goes out must be
        the first unacknowledged one, or the order would break.
        """
        if not self._is_link_up or self._retained.has_unseen_connection:
            return
        for message in self._retained.take_unsent():
            if not self._publisher.publish(message):
                return
        if self._refusal_backoff.is_paused:
            return
        for item in self._spool.take_unsent(MAX_IN_FLIGHT - len(self._in_flight)):
            message = OutgoingMessage(topic=item.topic, payload=item.payload, qos=1)
            if not self._publisher.publish(message, token=item.seq):
                self._is_link_up = False
                return
            self._in_flight.add(item.seq)


def open_outbox(
    settings: Settings,
    *,
    stamper: Stamper,
    state_dir: Path,
    clock: Clock,
    notify: Notify,
    subscriptions: Sequence[str] = (),
) -> Outbox:
    """The outbox that the configuration asks for; its spool is in `state_dir`.

    Args:
        settings: the configuration.
        stamper: fills headers.
        state_dir: of this device.
        clock: for pauses.
        notify: as of `Outbox`; it is also given what is `Received`.
        subscriptions: filters of the topics to hear, all below the device's ``down/``.

    Raises:
        ConfigError: no publisher is configured.
        SpoolError: another daemon uses `state_dir`.
    """
    if settings.publisher is None:
        raise ConfigError(
            f"no way out is configured: add one of {', '.join(f'[{n}]' for n in registry.PUBLISHERS)}"
        )
    name, keys = settings.publisher
    driver = registry.load_driver(registry.PUBLISHERS, name)
    device = stamper.identity.device
    down = Topics(device).down
    assert all(topic.startswith(f"{down}/") for topic in subscriptions), subscriptions  # noqa: S101 (nobody reads what he writes)

    def describe(seq: int, loss: MessageLoss) -> tuple[str, bytes]:
        _log.warning("messages will not come (%s): numbers %s", loss.reason, loss.ranges)
        gap = Gap(reason=loss.reason, ranges=loss.ranges, count=loss.count)
        return Topics(device).of(gap), encode(stamper.stamp(gap, seq))

    spool = Spool(
        state_dir / "spool",
        max_bytes=int(settings.spool.max_mb * 1e6),
        max_age_s=settings.spool.max_age_h * 3600,
        clock=clock,
        encode_gap=describe,
    )

    def connect(birth: Birth, will: OutgoingMessage, report: Notify) -> Publisher:
        made: Publisher = driver(
            keys,
            device=device,
            birth=birth,
            will=will,
            on_notice=report,
            subscriptions=subscriptions,
        )
        return made

    return Outbox(spool=spool, stamper=stamper, clock=clock, connect=connect, notify=notify)
