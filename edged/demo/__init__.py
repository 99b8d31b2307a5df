"""The demo: a broker, the daemon and a subscriber on one machine, and a view of the messages."""
