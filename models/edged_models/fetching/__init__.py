"""Models of others: which there are, and how they come here whole."""
