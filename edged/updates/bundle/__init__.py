"""The bundle format: archive, manifest, envelope, keys and trust file."""
