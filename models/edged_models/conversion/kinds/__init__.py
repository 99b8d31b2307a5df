"""Kinds of sources, one file each: see `edged_models.conversion.sources`."""
