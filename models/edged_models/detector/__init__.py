"""The net of the bundled model: what it is made of, its weights, and the graph that is converted."""
