"""A broker that is frozen for seconds: its host goes on taking bytes, and it reads them when they are old."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.publishers.mqtt_settings import TlsSettings
from support.broker import Broker, make_certificates, running_broker
from support.examples import detections, state
from support.mqtt_device import MqttDevice, mqtt_settings
from support.subscriber import MqttSubscriber

FRAME_S = 1 / 30
NOTICED_S = 0.75
"""The device asks four times a second, and waits at most half a second for the answer: what it has sent until then is in the broker's socket."""
MARGIN_S = 0.4
"""For a machine that has other work."""
MAX_AGE_S = 1.5


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


class Stream:
    """A device that publishes detections at 30 Hz and events at 3 Hz, and what it has published."""

    def __init__(self, device: MqttDevice) -> None:
        self._device = device
        self.frames = 0
        self.events = 0
        self.made_at: dict[int, float] = {}

    def run_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self.frames += 1
            self.made_at[self.frames] = now
            self._device.outbox.publish_detections(detections(frame=self.frames))
            if self.frames % 10 == 0:
                self.events += 1
                self._device.publish_event()
            while (left_s := now + FRAME_S - time.monotonic()) > 0:
                self._device.run_once(left_s)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_no_old_detections_arrive_after_a_freeze_and_every_event_does(
    tmp_path: Path, broker: Broker, protocol: str
) -> None:
    with (
        MqttSubscriber(broker.port) as subscriber,
        MqttDevice(tmp_path, mqtt_settings(broker.port, protocol=protocol)) as device,
    ):
        device.run_until(device.is_connected)
        stream = Stream(device)
        stream.run_for(1.0)
        frozen_at = time.monotonic()
        broker.freeze()
        stream.run_for(4.0)
        thawed_at = time.monotonic()
        broker.thaw()
        stream.run_for(1.0)
        device.run_until(device.is_drained)
        subscriber.wait_until(lambda s: len(s.messages("/events")) == stream.events)
        device.run_for(0.3)

        arrived = [m["frame"] for m in subscriber.payloads("/detections")]
        assert arrived == sorted(set(arrived))
        late = [f for f in arrived if frozen_at <= stream.made_at[f] < thawed_at - MAX_AGE_S]
        unnoticed = [f for f in late if stream.made_at[f] < frozen_at + NOTICED_S + MARGIN_S]
        assert late == unnoticed
        dropped = device.outbox.link_state().detections_dropped
        assert len(arrived) + dropped == stream.frames
        assert dropped > 60
        assert any(stream.made_at[f] > thawed_at for f in arrived)
        numbers = [m["seq"] for m in subscriber.payloads("/events")]
        assert numbers == list(range(numbers[0], numbers[0] + stream.events))
        assert [link.up for link in device.links] == [True]


def test_a_retained_message_waits_for_a_frozen_broker_and_only_the_newest_arrives(
    tmp_path: Path, broker: Broker
) -> None:
    with (
        MqttSubscriber(broker.port) as subscriber,
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        device.run_until(device.is_connected)
        broker.freeze()
        for count in range(40):
            device.outbox.retain(state(counts={"person": count}))
            device.run_for(0.05)
        broker.thaw()
        device.run_until(
            lambda: any(m["counts"] == {"person": 39} for m in subscriber.payloads("/state"))
        )
        assert len(subscriber.messages("/state")) < 30


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "tls"])
def test_what_waits_for_a_frozen_broker_stays_small_and_the_stream_whole(
    tmp_path: Path, *, is_encrypted: bool
) -> None:
    """Large messages as fast as possible: the socket is full before the silence is noticed, in the middle of a packet."""
    payload = bytes(200_000)
    made = make_certificates(tmp_path / "certificates") if is_encrypted else None
    tls = made and TlsSettings(ca=made.ca, cert=made.client_cert, key=made.client_key)
    with running_broker(Broker(tmp_path / "broker", tls=made)) as broker:
        settings = mqtt_settings(broker.port, host="localhost", tls=tls)
        with MqttDevice(tmp_path / "device", settings) as device:
            device.run_until(device.is_connected)
            connection = device.outbox._publisher._session._connection  # type: ignore[attr-defined]
            broker.freeze()
            until = time.monotonic() + 2.0
            owed_bytes = set[int]()
            while time.monotonic() < until:
                device.outbox.publish_live("front", payload)
                device.run_once(0.001)
                owed_bytes.add(len(connection._owed))
            assert 0 < max(owed_bytes) <= len(payload) + 100
            assert len(device.outbox._live._waiting) == 1
            device.publish_event()
            broker.thaw()
            device.run_until(device.is_drained)
            assert [link.up for link in device.links] == [True]
