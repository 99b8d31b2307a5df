"""Drivers that repeat events in the form of other systems."""
