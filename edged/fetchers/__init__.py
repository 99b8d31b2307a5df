"""Fetchers: the drivers that get bundles, one file each."""
