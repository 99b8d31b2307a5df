"""The MQTT contract: topics, payloads, schemas. Nothing here opens a socket or a device."""
