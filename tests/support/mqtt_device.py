"""A device with an outbox and no cameras, with the supervisor's loop and the real clock.

``python -m support.mqtt_device PORT FOLDER SESSION`` publishes events without end, and prints the number of each, until it is killed.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from msgspec import Struct

from edged.clock import SystemClock
from edged.config.settings import Settings
from edged.event_loop import EventLoop
from edged.interfaces import ConsumerClosed, Delivered, LinkChanged, MessageReceived, Notice
from edged.messaging.contract.header import Identity, Stamper
from edged.messaging.contract.messages import Event
from edged.messaging.open_outbox import open_outbox
from edged.messaging.outbox import Outbox
from edged.publishers.mqtt_settings import MqttSettings

DEVICE_NAME = "shop-12"
UP_TOPIC = f"edged/v1/{DEVICE_NAME}/up"
DESIRED_TOPIC = f"edged/v1/{DEVICE_NAME}/down/desired"


def mqtt_settings(port: int, **changes: Any) -> MqttSettings:
    """Return settings for a broker on loopback, with quick reconnects."""
    fields: dict[str, Any] = {"host": "127.0.0.1", "port": port, "max_retry_s": 0.3}
    return MqttSettings(**(fields | changes))


class MqttDevice:
    """A device that connects on entering the context, and closes on leaving it.

    Args:
        folder: its state directory.
        settings: settings of its publisher.
        session: its session id.
        listen: topics that it subscribes to.
        dialects: settings of the dialects that it uses.
    """

    def __init__(
        self,
        folder: Path,
        settings: MqttSettings,
        *,
        session: str = "s1",
        listen: Sequence[str] = (),
        dialects: Mapping[str, Struct] = MappingProxyType({}),
    ) -> None:
        clock = SystemClock()
        stamper = Stamper(
            Identity(device=DEVICE_NAME, boot="b1", session=session), clock, lambda: "synced"
        )
        self.session = session
        self.links: list[LinkChanged] = []
        self.refusals: list[Delivered] = []
        self.received: list[MessageReceived] = []
        self._event_count = 0
        self.loop = EventLoop(clock)
        self.loop.__enter__()
        self.outbox: Outbox = open_outbox(
            Settings(publisher=("mqtt", settings), dialect=dict(dialects)),
            stamper=stamper,
            state_dir=folder,
            clock=clock,
            loop=self.loop,
            notify=self._take,
            subscriptions=listen,
        )
        self._watch_notices()

    def __enter__(self) -> Self:
        self.outbox.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, timeout_s: float = 2) -> None:
        """End the device; the broker has `timeout_s` seconds for its last messages."""
        self.outbox.close(timeout_s)
        self.loop.__exit__(None, None, None)

    def run_once(self, wait_s: float = 0.02) -> None:
        """Run the loop once."""
        self.loop.run_once(wait_s)
        self.outbox.tick()

    def _take(self, notice: MessageReceived | ConsumerClosed) -> None:
        if isinstance(notice, MessageReceived):
            self.received.append(notice)

    def _watch_notices(self) -> None:
        """Note down what the publisher reports to the outbox."""
        on_notice = self.outbox._publisher._on_notice  # type: ignore[attr-defined]

        def note(notice: Notice) -> None:
            if isinstance(notice, LinkChanged):
                self.links.append(notice)
            if isinstance(notice, Delivered) and notice.error:
                self.refusals.append(notice)
            on_notice(notice)

        self.outbox._publisher._on_notice = note  # type: ignore[attr-defined]

    def run_until(self, condition: Callable[[], bool], timeout_s: float = 15) -> None:
        """Run the loop until `condition` is true."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, (
                f"not done in {timeout_s} s; links {self.links[-5:]}, {self.outbox.list_problems()}"
            )
            self.run_once()

    def run_for(self, seconds: float) -> None:
        """Run the loop for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.run_once()

    def is_connected(self) -> bool:
        """Return whether the link is up."""
        return bool(self.links) and self.links[-1].up

    def is_drained(self) -> bool:
        """Return whether every message was acknowledged."""
        return self.outbox.spool_state().depth == 0

    def publish_event(self, suffix: str = "") -> None:
        """Queue an event; ids count up, and may have a suffix."""
        self._event_count += 1
        self.outbox.queue_event(
            Event(
                camera="front",
                type="start",
                id=f"{self.session}-{self._event_count}{suffix}",
                label="person",
                score=0.81,
                top_score=0.86,
                top_median_score=0.79,
                box=(0.486, 0.016, 0.706, 0.849),
                width=768,
                height=432,
                started="2026-11-21T09:30:04.901Z",
                duration_s=0.5,
                model="coco-ssd@1.0",
                frame=self._event_count,
            )
        )


def _main(port: int, folder: Path, session: str) -> None:
    device = MqttDevice(folder, mqtt_settings(port), session=session)
    with device:
        while True:
            device.publish_event()
            print(f"{session}-{device._event_count}", flush=True)
            device.run_once(0.001)


if __name__ == "__main__":
    _main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
