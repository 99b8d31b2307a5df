"""Runs one camera in a process of its own."""
