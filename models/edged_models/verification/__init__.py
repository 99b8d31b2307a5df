"""Checks of a converted model: that it runs on both runtimes, that its input is normalised once, and that it still gives what its source gives."""
