"""The model store: everything about model updates that survives a power cut."""
