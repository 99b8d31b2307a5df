"""Reads the board, paths and service manager of this host."""
