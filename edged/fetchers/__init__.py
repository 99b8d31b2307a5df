"""Where bundles come from: a file each."""
