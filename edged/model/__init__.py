"""One model: how it is loaded, fed, decoded and checked."""
