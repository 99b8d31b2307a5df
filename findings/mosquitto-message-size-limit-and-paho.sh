#!/bin/sh
# Installed: paho-mqtt 2.2.0. It runs the mosquitto of this host (written against 2.0.11 of Debian 12).
#
# Expected: a broker with `message_size_limit 1000` announces a Maximum Packet Size in CONNACK, or refuses a larger PUBLISH of QoS 1 with a reason code that MQTT 5
# allows in PUBACK (3.4.2.1: 0x80, 0x83, 0x97, 0x99 and so on); the client's publish callback reports it, and the connection stays.
#
# Seen: nothing is announced. mosquitto refuses with 0x95 "Packet too large", which is not among the codes of PUBACK. paho takes the PUBACK for malformed,
# calls no publish callback, and ends the connection itself with "Protocol error". With MQTT 3.1.1 the PUBACK means success, and the message is gone.
#
# Hurt: a client that keeps its messages until they are acknowledged sends the large one on every connection, and never learns why the connection ends;
# with MQTT 3.1.1 it loses the message without knowing.
. "$(dirname "$0")/common.sh"
install paho-mqtt==2.2.0
mosquitto_module
cat >"$work/large.py" <<'END'
import time

import broker
import paho.mqtt.client as mqtt

process, port = broker.start("message_size_limit 1000")


def publish(version):
    """Publish 2,000 bytes; return what the client reports within a second."""
    seen = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False)

    def on_connect(client, _userdata, _flags, _reason, properties):
        seen.append(f"maximum packet size {getattr(properties, 'MaximumPacketSize', 'not announced')}")
        client.publish("topic", b"x" * 2000, qos=1)

    client.on_connect = on_connect
    client.on_publish = lambda _client, _userdata, _mid, reason, _properties: seen.append(f"published: {reason}")
    client.on_disconnect = lambda _client, _userdata, flags, reason, _properties: seen.append(
        f"disconnected by {'the broker' if flags.is_disconnect_packet_from_server else 'paho'}: {reason}"
    )
    client.connect("127.0.0.1", port)
    end, code = time.monotonic() + 1, 0
    while time.monotonic() < end and not code:
        code = client.loop(0.1)
    if client.socket():
        client.socket().close()
    return ", ".join(seen)


try:
    print(f"MQTT 5: {publish(mqtt.MQTTv5)}; MQTT 3.1.1: {publish(mqtt.MQTTv311)}")
finally:
    process.kill()
    process.wait()
END
expect "$version: $(python large.py)" "2.0.11: MQTT 5: maximum packet size not announced, disconnected by paho: Protocol error; MQTT 3.1.1: maximum packet size not announced, published: Success"
