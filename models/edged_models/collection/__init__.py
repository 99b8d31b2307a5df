"""Hard examples of devices: how they are fetched, and become a set of pictures with labels that nobody has checked."""
