"""Checks a device and its configuration."""
