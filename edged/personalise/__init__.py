"""Learning on the device: the last layer of a classifier is trained on a few pictures, and written into a copy of its file."""
