"""Golden inputs for a model: which pictures, what is to be found in them, and how far off a device may be."""
