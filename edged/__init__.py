"""edged: an edge-vision appliance daemon. Camera frames in, object events out over MQTT."""

__version__ = "0.1.0"
