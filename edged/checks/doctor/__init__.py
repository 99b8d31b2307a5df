"""Diagnosis of a device: one file for each check; `device` composes them, `parallel` runs them."""
