"""The workstation's side of edged: train, convert, quantise, shrink, judge and package the models that the daemon runs."""

__version__ = "0.1.0"
