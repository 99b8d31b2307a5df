"""The pure rules of model updates: from a ledger and what has happened to the next ledger, without I/O."""
