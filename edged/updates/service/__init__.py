"""Model updates in the daemon, and in the commands that work with or without it."""
