"""Class ids with a meaning of their own, in rows x1 y1 x2 y2 class of ground truth. This module does not import TensorFlow."""

NO_BOX = -1.0
"""Of an unused row."""
IGNORED = -2.0
"""Of an area with objects that are not labelled one by one: it counts neither as an object nor as background."""
