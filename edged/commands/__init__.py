"""Drivers of commands: one file and one registry line each."""
