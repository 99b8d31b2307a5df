"""Parts of a command-line program: its commands, and numbers as arguments. Shared by `edged` and `edged-models`."""
