"""A card with one of each mark, to print or to hold up on a phone."""
