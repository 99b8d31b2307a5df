"""Conversion of trained models to .tflite files, quantisation, and the files' metadata."""
