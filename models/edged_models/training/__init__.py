"""Learning: pictures in, weights out."""
