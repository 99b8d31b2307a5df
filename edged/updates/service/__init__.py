"""Carries out updates in the daemon."""
