"""Devices that only a broker reaches, and that are no more than their messages: each does with a desired state what it was told to."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from support import subscriber

Body = dict[str, Any]


def model_state(*, sequence: int = 0, **changes: Any) -> Body:
    """An `up/model` of a device that has the factory model."""
    told: Body = {"installed": {"name": "marks@1", "digest": ""}, "candidate": None, "last": None}
    told["channel"] = {"sequence": sequence, "stale": False, "age_s": 0.0}
    return told | changes


def past_deployment(id_: str, digest: str, outcome: str, **changes: Any) -> Body:
    """A deployment that is over."""
    told = {"id": id_, "title": "", "digest": digest, "outcome": outcome, "reason": "why"}
    return told | {"flagged": False, "denied": False, **changes}


def candidate(digest: str = "", *, requested_by: str = "channel") -> Body:
    """A deployment in flight; without a digest it is not verified yet."""
    told: Body = {"id": "c", "version": None, "requested_by": requested_by, "state": "fetching"}
    if digest:
        told |= {"version": {"name": "marks@2", "digest": digest}, "state": "trial"}
    return told | {"blocked_reason": ""}


class ChannelFleet:
    """They are online when `__enter__` returns, and end what they are told to install at once.

    Attributes:
        notified: names of those that heard of a desired state, in that order.
    """

    def __init__(self, port: int, outcomes: Mapping[str, str]) -> None:
        """Nothing is said yet.

        Args:
            port: of the broker.
            outcomes: by name how an update ends there; ``deaf`` does nothing.
        """
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
        """As the device does, retained."""
        topic = f"edged/v1/{name}/up/{leaf}"
        subscriber.publish_message(self._port, topic, json.dumps(body).encode(), retain=True)

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe("edged/v1/+/down/desired", 1)

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        name = message.topic.split("/")[2]
        outcome = self._outcomes.get(name, "deaf")
        self.notified.append(name)
        if outcome == "deaf" or not message.payload:
            return
        wish = json.loads(base64.b64decode(json.loads(message.payload)["payload"]))
        told = model_state(
            sequence=wish["sequence"], last=past_deployment("1", wish["digest"], outcome)
        )
        if outcome == "committed":
            told["installed"] = {"name": wish["title"], "digest": wish["digest"]}
        self._client.publish(f"edged/v1/{name}/up/model", json.dumps(told), qos=1, retain=True)
