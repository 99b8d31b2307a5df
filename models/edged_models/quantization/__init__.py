"""Quantisation: recipes, the engines that carry them out, and the search for layers to leave in float."""
