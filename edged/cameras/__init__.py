"""Camera drivers, one file each; the registry names them."""
