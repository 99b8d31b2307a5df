#!/bin/sh
# Installed: Home Assistant 2026.2.3 and paho-mqtt 2.1.0; needs Python 3.13.2 or later: PYTHON=python3.13 (of Debian 13, with gcc and python3.13-dev). The code is the same in 2026.11.0.
# Expected: an empty message on homeassistant/device/DEVICE/config removes all components that its device-based message announced, whatever the
#   components' names in `cmps` are: the schema takes every text.
# Seen: a component with a space in its name stays for ever. Home Assistant joins device and component with spaces, takes three words for a topic
#   with a node id when it takes them apart again, and then finds another device in them. Seen with a running core, too: no word in the log.
# Hurt: whoever makes components' names of labels: COCO has "cell phone" and "traffic light".
. "$(dirname "$0")/common.sh"

cat >"$work/remove.py" <<'PYTHON'
from types import SimpleNamespace

from homeassistant.components.mqtt.discovery import _generate_device_config
from homeassistant.components.mqtt.models import DATA_MQTT

announced = {("sensor", "camera person"), ("sensor", "camera cell phone")}
hass = SimpleNamespace(data={DATA_MQTT: SimpleNamespace(discovery_already_discovered=announced)})
print("removed:", *_generate_device_config(hass, "camera", None)["components"])
PYTHON

install homeassistant==2026.2.3 paho-mqtt==2.1.0
expect "$(python remove.py)" "removed: person"
