"""From trained graphs to .tflite files, and what such a file says of itself."""
