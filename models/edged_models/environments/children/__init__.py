"""Programs of the other environments. They know neither edged nor each other, only `child_protocol` and their frameworks."""
