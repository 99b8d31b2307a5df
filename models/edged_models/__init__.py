"""The workstation tools of edged: train, convert, quantise, compress, evaluate and package the models that the daemon runs."""

__version__ = "0.1.0"
