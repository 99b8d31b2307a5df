"""The process that serves the local page and the metrics."""
