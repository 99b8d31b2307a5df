"""The metadata in a model file, read with the standard library alone."""
