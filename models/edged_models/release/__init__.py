"""Release and verification of the bundled models, which are converted from one checkpoint."""
