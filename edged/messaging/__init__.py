"""Messages from the daemon: their contract, their queue and their publication."""
