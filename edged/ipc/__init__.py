"""Child processes and the packets exchanged with them."""
