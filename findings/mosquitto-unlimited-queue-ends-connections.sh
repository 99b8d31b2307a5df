#!/bin/sh
# Installed: paho-mqtt 2.2.0. It runs the mosquitto of this host (written against 2.0.11 of Debian 12).
#
# Expected: `max_queued_messages 0` lifts the limit of the queue, as mosquitto.conf(5) says, and changes nothing else: a PUBLISH that the access list denies is
# answered with PUBACK "Not authorized" (MQTT 5), and the client goes on with what it may publish.
#
# Seen: with the default of 1000 it is so. With 0, mosquitto 2.0.11 ends the connection at every message that it refuses, without DISCONNECT
# ("Bad socket read/write on client ...: Unknown error" in its log): after the PUBACK with QoS 1, without any answer with QoS 0, with MQTT 3.1.1 after a PUBACK that
# means success.
#
# Hurt: a fleet whose operator lifts the limit so that no message is dropped. A device that publishes its state on every connection, one
# topic of which is denied, reconnects for ever, and what it sends behind that message is lost or repeated.
. "$(dirname "$0")/common.sh"
install paho-mqtt==2.2.0
mosquitto_module
cat >"$work/denied.py" <<'END'
import time

import broker
import paho.mqtt.client as mqtt


def publish(port, version, qos):
    """Publish a message that is denied; return the answer, and whether the connection is still there a second later."""
    answers = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False)
    client.on_connect = lambda client, *_: client.publish("denied/x", b"text", qos=qos)
    client.on_publish = lambda _client, _userdata, _mid, reason, _properties: answers.append(str(reason))
    client.connect("127.0.0.1", port)
    end, code = time.monotonic() + 1, 0
    while time.monotonic() < end and not code:
        code = client.loop(0.1)
    if client.socket():
        client.socket().close()
    return f"{answers[0] if qos else 'no answer'} and {'closed' if code else 'open'}"


with open("acl", "w") as file:
    file.write("topic write allowed/#\n")
for limit in ("max_queued_messages 1000", "max_queued_messages 0"):
    process, port = broker.start("acl_file acl", limit)
    try:
        print(limit, *(publish(port, version, qos) for version in (mqtt.MQTTv5, mqtt.MQTTv311) for qos in (1, 0)), sep=", ", end="; ")
    finally:
        process.kill()
        process.wait()
END
expect "$version: $(python denied.py)" "2.0.11: max_queued_messages 1000, Not authorized and open, no answer and open, Success and open, no answer and open; max_queued_messages 0, Not authorized and closed, no answer and closed, Success and closed, no answer and closed; "
