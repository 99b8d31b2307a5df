"""The Ansible collection's session with a broker that has limits."""

from typing import Any

import pytest

from support import mqtt_test_broker as test_broker
from support.mqtt_test_broker import MqttTestBroker
from support.simulated_fleet import import_plugin
from support.waiting import wait_for

broker_session = import_plugin("module_utils.broker_session")


def params(port: int) -> dict[str, Any]:
    unset = dict.fromkeys(broker_session.BROKER_ARGUMENTS)
    return unset | {"host": "127.0.0.1", "port": port, "settle": 0}


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({test_broker.MAXIMUM_PACKET_SIZE: 100}, "above the broker's limit of 100 bytes"),
        ({test_broker.RETAIN_AVAILABLE: 0}, "retains no messages"),
    ],
)
def test_a_desired_state_that_the_broker_does_not_take_is_an_error_at_once(
    properties: dict[int, int | str], words: str
) -> None:
    broker = MqttTestBroker(properties)
    with (
        broker.run(),
        broker_session.BrokerSession(params(broker.port)) as session,
        pytest.raises(broker_session.BrokerError, match=words),
    ):
        session.publish_retained("edged/v1/d/down/desired", b"x" * 100)
    assert broker.published == []


def test_a_desired_state_within_the_limits_is_published() -> None:
    broker = MqttTestBroker({test_broker.MAXIMUM_PACKET_SIZE: 200})
    with broker.run(), broker_session.BrokerSession(params(broker.port)) as session:
        session.publish_retained("edged/v1/d/down/desired", b"x" * 100)
        wait_for(lambda: len(broker.published) == 1)
