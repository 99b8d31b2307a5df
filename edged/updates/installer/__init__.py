"""The installer process: downloads, verifies, unpacks and self-tests a bundle."""
