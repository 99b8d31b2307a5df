"""The daemon: one thread that decides, and what it holds."""
