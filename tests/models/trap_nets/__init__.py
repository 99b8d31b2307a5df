"""Small trained networks with what ruins a converted model: seeded, right in float, and each with a trap."""
