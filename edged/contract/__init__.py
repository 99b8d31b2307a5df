"""The MQTT contract: topics, payloads, schemas. Nothing here does I/O."""
