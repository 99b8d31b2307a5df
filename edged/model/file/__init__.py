"""What a model file says of itself, read with the standard library alone."""
