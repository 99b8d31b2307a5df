"""The benchmark: the daemon against the bare interpreter, as ratios."""
