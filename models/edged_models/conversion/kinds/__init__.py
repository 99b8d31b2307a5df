"""Kinds of sources, one file each: see `edged_models.conversion.open_source`."""
