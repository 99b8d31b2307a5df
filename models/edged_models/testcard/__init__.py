"""The test card: one of each mark, to print or to show on a phone."""
