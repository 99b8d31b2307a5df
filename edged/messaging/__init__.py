"""Builds, queues and sends messages."""
