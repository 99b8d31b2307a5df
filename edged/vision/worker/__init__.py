"""The vision worker's process: cameras, inference, decoding."""
