"""Networks that are not edged's: what a user brings to the toolchain."""
