"""Interpreters: the drivers that load a model on a runtime; the registry names them."""
