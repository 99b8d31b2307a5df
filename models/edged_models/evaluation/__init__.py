"""How good a .tflite is, judged through the daemon's own encoding and decoding."""
