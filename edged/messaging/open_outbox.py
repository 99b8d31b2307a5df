"""Construction of the outbox from the configuration: its spool and its publisher."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from edged import registry
from edged.clock import Clock
from edged.config.settings import Settings
from edged.disk_thread import DiskQueue
from edged.errors import ConfigError
from edged.event_loop import EventLoop
from edged.interfaces import Dialect, Notice, OutgoingMessage, Publisher
from edged.messaging.contract.header import Stamper, encode
from edged.messaging.contract.messages import Gap
from edged.messaging.contract.topics import Topics
from edged.messaging.outbox import Birth, Connect, Notify, Outbox
from edged.messaging.spool import MessageLoss, Spool
from edged.messaging.spool.loss import SeqRange

_log = logging.getLogger(__name__)

_LOCK_TIMEOUT_S = 0.5
"""A disk that works needs milliseconds; one that is silent must not hold up the start."""
_MAX_RANGES_SHOWN = 5


def open_outbox(
    settings: Settings,
    *,
    stamper: Stamper,
    state_dir: Path,
    clock: Clock,
    loop: EventLoop,
    notify: Notify,
    disk: DiskQueue | None = None,
    subscriptions: Sequence[str] = (),
) -> Outbox:
    """Return the outbox that the configuration asks for, not yet connected.

    Args:
        settings: the configuration.
        stamper: fills in headers.
        state_dir: the device's state directory; the spool is in it.
        clock: the clock of pauses.
        loop: the loop whose thread uses the outbox.
        notify: called with each received message, and when the only consumer is gone, from a callback of the loop.
        disk: does the spool's work on the disk, and no other; None does it at once.
        subscriptions: topic filters to subscribe to, all below the device's ``down/``, or Home Assistant's status.

    Raises:
        ConfigError: no publisher is configured.
        RegistryError: the publisher's library is not installed.
        SpoolError: another daemon uses `state_dir`. (If the disk is silent now, the loop raises it later.)
    """
    if settings.publisher is None:
        raise ConfigError(
            f"no publisher is configured: add one of {', '.join(f'[{n}]' for n in registry.PUBLISHERS)}"
        )
    topics = Topics(stamper.identity.device)
    _check_subscriptions(settings, topics, subscriptions)
    connect = _make_connect(settings.publisher, loop, topics.device, subscriptions)
    spool = _open_spool(settings, stamper, topics, state_dir, clock, disk=disk)
    make = _choose_outbox(settings, topics.device)
    return make(spool=spool, stamper=stamper, clock=clock, connect=connect, notify=notify)


def _choose_outbox(settings: Settings, device: str) -> Callable[..., Outbox]:
    """Return what makes the outbox: one that does no more than the configuration asks for."""
    is_observed = settings.page.listen or settings.metrics.listen
    if not (settings.dialect or is_observed):
        return Outbox
    from edged.messaging.dialect_outbox import DialectOutbox
    from edged.messaging.observed_outbox import ObservedOutbox

    kind = ObservedOutbox if is_observed else DialectOutbox
    return partial(kind, dialects=_make_dialects(settings, device))


def _make_connect(
    publisher: tuple[str, Struct], loop: EventLoop, device: str, subscriptions: Sequence[str]
) -> Connect:
    name, keys = publisher
    driver = registry.load_driver(registry.PUBLISHERS, name)

    def connect(
        birth: Birth, will: OutgoingMessage, on_notice: Callable[[Notice], None]
    ) -> Publisher:
        made: Publisher = driver(
            keys,
            loop=loop,
            device=device,
            birth=birth,
            will=will,
            on_notice=on_notice,
            subscriptions=subscriptions,
        )
        return made

    return connect


def _make_dialects(settings: Settings, device: str) -> dict[str, Dialect]:
    return {
        name: registry.load_driver(registry.DIALECTS, name)(keys, device=device)
        for name, keys in settings.dialect.items()
    }


def _check_subscriptions(settings: Settings, topics: Topics, subscriptions: Sequence[str]) -> None:
    """Fail if the device would receive its own messages."""
    status = f"{settings.home_assistant.prefix}/status"
    for topic in subscriptions:
        assert topic.startswith(f"{topics.down}/") or topic == status, topic  # noqa: S101 (a mistake of edged, not of its user)


def _open_spool(
    settings: Settings,
    stamper: Stamper,
    topics: Topics,
    state_dir: Path,
    clock: Clock,
    *,
    disk: DiskQueue | None,
) -> Spool:
    def encode_gap(seq: int, loss: MessageLoss) -> tuple[str, bytes]:
        count = "an unknown number of" if loss.count is None else loss.count
        _log.warning(
            "%s messages are lost (%s): %s", count, loss.reason, _format_ranges(loss.ranges)
        )
        gap = Gap(reason=loss.reason, ranges=loss.ranges, count=loss.count)
        return topics.of(gap), encode(stamper.stamp(gap, seq))

    spool = Spool(
        state_dir / "spool",
        max_bytes=int(settings.spool.max_mb * 1e6),
        max_age_s=settings.spool.max_age_h * 3600,
        clock=clock,
        encode_gap=encode_gap,
        disk=disk,
    )
    spool.await_lock(_LOCK_TIMEOUT_S)
    return spool


def _format_ranges(ranges: Sequence[SeqRange]) -> str:
    """Format ranges of numbers as ``17, 20 to 25 and 3 further ranges``."""
    shown = [
        str(first) if first == last else f"{first} to {last}"
        for first, last in ranges[:_MAX_RANGES_SHOWN]
    ]
    further = len(ranges) - len(shown)
    return ", ".join(shown) + (f" and {further} further ranges" if further else "")
