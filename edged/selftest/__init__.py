"""Tests a model file in a sandboxed process."""
