"""The network of the bundled model: its architecture, its weights, its loss, and the graph that is converted."""
