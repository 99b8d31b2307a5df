"""Third-party models: the catalogue, and verified downloads."""
