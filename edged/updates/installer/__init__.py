"""Runs in the installer's process: download, verify, unpack, self-test."""
