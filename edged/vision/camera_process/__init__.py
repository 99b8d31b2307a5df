"""A camera driver in a process of its own."""
