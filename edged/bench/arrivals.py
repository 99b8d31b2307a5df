"""The subscriber, in a process of its own: ``python -m edged.bench.arrivals PORT FILTER FILE``.

It appends one line for each message: the time of arrival, CLOCK_MONOTONIC in ns, the topic and the payload. The time is read when
the socket becomes readable, before the client library parses the packet. The first line is `READY_LINE`, once it is subscribed.
"""

import select
import sys
import time
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

READY_LINE = b"ready\n"
_POLL_S = 1.0


def main(port: int, topic_filter: str, path: Path) -> None:
    """Record the messages of a topic filter until the process is ended.

    Args:
        port: the broker's TCP port, on loopback.
        topic_filter: the MQTT topic filter.
        path: the file to write.
    """
    arrived_ns = 0
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
    with path.open("wb", buffering=0) as out:

        def write_message(_client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
            if message.retain:  # of a run before this one
                return
            out.write(b"%d %s %s\n" % (arrived_ns, message.topic.encode(), message.payload))

        def subscribe(*_: object) -> None:
            client.subscribe(topic_filter, qos=0)  # no acknowledgements: less work for the broker

        def write_ready(*_: object) -> None:
            out.write(READY_LINE)

        client.on_connect = subscribe
        client.on_subscribe = write_ready
        client.on_message = write_message
        client.connect("127.0.0.1", port)
        while (connection := client.socket()) is not None:
            is_readable, _, _ = select.select([connection], [], [], _POLL_S)
            arrived_ns = time.monotonic_ns()
            if is_readable:
                client.loop_read()
            if client.want_write():
                client.loop_write()
            client.loop_misc()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
