"""Simulated devices on a broker: each handles a desired state as its test has set."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from support import subscriber

Body = dict[str, Any]


def model_state(*, sequence: int = 0, **changes: Any) -> Body:
    """Return the `up/model` of a device with the factory model."""
    state: Body = {"installed": {"name": "marks@1", "digest": ""}, "candidate": None, "last": None}
    state["channel"] = {"sequence": sequence, "stale": False, "age_s": 0.0}
    return state | changes


def past_deployment(id_: str, digest: str, outcome: str, **changes: Any) -> Body:
    """Return a deployment that has ended."""
    past = {"id": id_, "title": "", "digest": digest, "outcome": outcome, "reason": "why"}
    return past | {"flagged": False, "denied": False, **changes}


def candidate(digest: str = "", *, requested_by: str = "channel") -> Body:
    """Return a deployment in flight; without a digest it is not verified yet."""
    deployment: Body = {
        "id": "c",
        "version": None,
        "requested_by": requested_by,
        "state": "fetching",
    }
    if digest:
        deployment |= {"version": {"name": "marks@2", "digest": digest}, "state": "trial"}
    return deployment | {"blocked_reason": ""}


class ChannelFleet:
    """Devices that are online when `__enter__` returns, and that end each update at once.

    Args:
        port: the broker's port.
        outcomes: how an update ends on each device, by its name; an ``unresponsive`` one ignores desired states.

    Attributes:
        notified: names of the devices that received a desired state, in that order.
    """

    def __init__(self, port: int, outcomes: Mapping[str, str]) -> None:
        self._port = port
        self._outcomes = outcomes
        self.notified: list[str] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        for name in self._outcomes:
            self.publish(name, "status", {"status": "online"})
            self.publish(name, "model", model_state())
            self.publish(name, "health", {"degradations": []})
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()

    def publish(self, name: str, leaf: str, body: Any) -> None:
        """Publish a retained message of a device.

        Args:
            name: the device.
            leaf: last level of the topic.
            body: payload.
        """
        topic = f"edged/v1/{name}/up/{leaf}"
        subscriber.publish_message(self._port, topic, json.dumps(body).encode(), retain=True)

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe("edged/v1/+/down/desired", 1)

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        name = message.topic.split("/")[2]
        outcome = self._outcomes.get(name, "unresponsive")
        self.notified.append(name)
        if outcome == "unresponsive" or not message.payload:
            return
        desired = json.loads(base64.b64decode(json.loads(message.payload)["payload"]))
        state = model_state(
            sequence=desired["sequence"], last=past_deployment("1", desired["digest"], outcome)
        )
        if outcome == "committed":
            state["installed"] = {"name": desired["title"], "digest": desired["digest"]}
        self._client.publish(f"edged/v1/{name}/up/model", json.dumps(state), qos=1, retain=True)
