"""Evaluation of .tflite models through the daemon's own encoding and decoding."""
