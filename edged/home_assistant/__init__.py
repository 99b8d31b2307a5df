"""Home Assistant's MQTT discovery: which entities a device has."""
