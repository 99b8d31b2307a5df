"""The daemon measured against the bare interpreter, in one run, as ratios."""
