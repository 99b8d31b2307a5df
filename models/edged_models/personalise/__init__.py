"""Makes a classifier whose last layer a device can train."""
