"""The catalogue of public models: what there is, and how it gets onto the device."""
