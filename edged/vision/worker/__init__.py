"""Runs in the vision worker's process: cameras, inference, decoding."""
