"""Publishes the time at a fixed rate: ``python -m edged.bench.control PORT TOPIC FPS SECONDS``.

What the subscriber sees of it is the delay of the client, the broker and the subscriber without any work of the daemon.
"""

import json
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def main(port: int, topic: str, fps: float, seconds: float) -> None:
    """Publish until the time is over.

    Args:
        port: the broker's TCP port, on loopback.
        topic: topic of the messages.
        fps: messages per second.
        seconds: duration, in seconds.
    """
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    began_s = time.monotonic()
    for number in range(int(fps * seconds)):
        time.sleep(max(0.0, began_s + number / fps - time.monotonic()))
        payload = {"frame": number, "received_ns": time.monotonic_ns()}
        client.publish(topic, json.dumps(payload), qos=1)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
