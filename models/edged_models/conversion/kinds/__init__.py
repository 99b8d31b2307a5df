"""Kinds of sources, one module each; `edged_models.conversion.open_source` lists them."""
