"""Checks of a device and its configuration."""
