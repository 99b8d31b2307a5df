#!/bin/sh
# Installed: paho-mqtt 2.2.0. It runs the mosquitto of this host (written against 2.0.11 of Debian 12).
#
# Expected: when a second MQTT 5 client connects with the same client id, the first gets DISCONNECT with the reason "Session taken over"
# (MQTT 5, 3.1.4: the server sends a DISCONNECT packet with reason code 0x8E).
#
# Seen: mosquitto 2.0.11 closes the first connection without DISCONNECT; the client reports "Unspecified error", as for a broken network.
#
# Hurt: two devices that share a client id, after a card was copied, end each other's connection again and again, and neither can say why.
. "$(dirname "$0")/common.sh"
install paho-mqtt==2.2.0
mosquitto_module
cat >"$work/takeover.py" <<'END'
import time

import broker
import paho.mqtt.client as mqtt

process, port = broker.start()


def connect(seen):
    """Connect as `one`, and serve the network for half a second."""
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id="one", protocol=mqtt.MQTTv5, reconnect_on_failure=False
    )
    client.on_disconnect = lambda _client, _userdata, flags, reason, _properties: seen.append(
        f"{reason}, {'with' if flags.is_disconnect_packet_from_server else 'without'} DISCONNECT"
    )
    client.connect("127.0.0.1", port)
    serve(client)
    return client


def serve(client):
    end = time.monotonic() + 0.5
    while time.monotonic() < end and not client.loop(0.1):
        pass


try:
    seen = []
    first = connect(seen)
    second = connect([])
    serve(first)
    print(*seen)
    second.socket().close()
finally:
    process.kill()
    process.wait()
END
expect "$version: $(python takeover.py)" "2.0.11: Unspecified error, without DISCONNECT"
