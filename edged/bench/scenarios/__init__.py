"""Further scenarios of the benchmark: each measures one ratio."""
