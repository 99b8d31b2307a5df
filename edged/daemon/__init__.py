"""The composition root: it makes the parts and hands each what it needs."""
