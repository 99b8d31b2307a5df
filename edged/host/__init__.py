"""The board, file systems, paths and service manager of this host."""
