"""Makes bundles and goldens on a workstation."""
