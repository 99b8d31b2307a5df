#!/bin/sh
# Installed: paho-mqtt 2.2.0. It runs the mosquitto of this host (written against 2.0.11 of Debian 12; 2.0.21 of Debian 13 does the same).
#
# Expected: in an access list, %u stands for the user's name only where it is a whole level of the topic (mosquitto.conf(5): "The substitution
# pattern must be the only text for that level of hierarchy").
#
# Seen: mosquitto puts the name in wherever %u stands. `pattern write home/edged-%u/config` allows home/edged-one/config to the user "one", and neither
# home/edged-two/config nor the literal home/edged-%u/config.
#
# Hurt: a rule for topics with a fixed beginning before the name (Home Assistant's discovery ids) works, but only against the manual's word.
. "$(dirname "$0")/common.sh"
install paho-mqtt==2.2.0
mosquitto_module
cat >"$work/acl" <<'END'
pattern write home/edged-%u/config
END
cat >"$work/pattern.py" <<'END'
import time

import broker
import paho.mqtt.client as mqtt

process, port = broker.start("acl_file acl")
try:
    reasons = {}
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
    client.username_pw_set("one")
    client.on_publish = lambda _client, _userdata, mid, reason, _properties: reasons.setdefault(mid, reason)
    client.connect("127.0.0.1", port)
    client.loop_start()
    seen = []
    for topic in ("home/edged-one/config", "home/edged-two/config", "home/edged-%u/config"):
        message = client.publish(topic, "text", qos=1)
        end = time.monotonic() + 5
        while message.mid not in reasons and time.monotonic() < end:
            time.sleep(0.01)
        seen.append("refused" if reasons[message.mid].is_failure else "allowed")
    print(*seen)
    client.loop_stop()
    client._reset_sockets()
finally:
    process.kill()
    process.wait()
END
expect "$version: $(python pattern.py)" "2.0.11: allowed refused refused"
