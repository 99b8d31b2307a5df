"""Why a model is refused: its kind, the family that it comes nearest to, and the sentence for the user. Pure functions."""
