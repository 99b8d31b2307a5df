"""The commands of edged-models, one module each with `add_parser` and `run`."""
