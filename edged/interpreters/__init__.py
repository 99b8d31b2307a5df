"""Interpreter drivers: a model file on a runtime."""
