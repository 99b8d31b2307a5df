"""Decides about updates, by pure rules."""
