"""Checks of a model for the EdgeTPU: by published rules from the file alone, and by the compiler if it is installed."""
