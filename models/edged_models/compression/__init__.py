"""Techniques that make a trained network smaller or faster, and a table that compares them."""
