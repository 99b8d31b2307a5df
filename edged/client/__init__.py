"""A typed client for programs that subscribe."""
