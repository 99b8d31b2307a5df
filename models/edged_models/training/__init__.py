"""Training of the detector: samples in, a checkpoint out."""
