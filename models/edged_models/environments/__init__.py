"""Environments that are made on demand, for frameworks that do not fit into .venv-models, and processes in them."""
