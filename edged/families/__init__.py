"""Model families: how one kind of model is fed and read."""
