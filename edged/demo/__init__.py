"""The main job on one machine, with nothing to set up: a broker, the daemon and a subscriber, and a view of what it receives."""
