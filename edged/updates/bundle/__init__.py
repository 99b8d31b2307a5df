"""Reads, writes and verifies signed bundles."""
