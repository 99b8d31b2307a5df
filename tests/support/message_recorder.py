"""A subscriber that shares no code with the daemon, and writes the numbered messages of one device to a file.

``python -m support.message_recorder PORT DEVICE FILE`` appends a line of JSON for every event and gap record: topic and payload, in the order of their arrival.
It prints `subscribed` whenever the broker has granted its subscriptions, and `lost` whenever its connection has ended; it connects again at once.
QoS 0: mosquitto writes such a message to the subscriber before it acknowledges it to the publisher, so that a killed broker takes nothing with it.
"""

import json
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

_RETRY_S = 0.02


def _main(port: int, device: str, path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 (no Path: this program imports as little as it can)

        def on_message(_client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
            line = {"topic": message.topic, "payload": message.payload.decode("utf-8")}
            file.write(json.dumps(line) + "\n")
            file.flush()

        while True:
            _serve(port, device, on_message)
            time.sleep(_RETRY_S)


def _serve(port: int, device: str, on_message: mqtt.CallbackOnMessage) -> None:
    """Record until the connection ends."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id="message-recorder",
        protocol=mqtt.MQTTv5,
        reconnect_on_failure=False,
    )
    topics = [(f"edged/v1/{device}/up/camera/+/events", 0), (f"edged/v1/{device}/up/gap", 0)]
    client.on_connect = lambda client, *_: client.subscribe(topics)
    client.on_subscribe = lambda *_: print("subscribed", flush=True)
    client.on_message = on_message
    try:
        client.connect("127.0.0.1", port, keepalive=300)
    except OSError:
        return
    client.loop_forever()
    print("lost", flush=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
