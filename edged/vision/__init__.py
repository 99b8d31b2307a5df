"""Runs the vision workers and supervises them."""
